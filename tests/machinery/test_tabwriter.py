from kube_nb.machinery import tabwriter


def aligned(text):
    return tabwriter.align(text, min_width=6, padding=3)


def test_a_column_is_as_wide_as_its_widest_cell_plus_padding():
    assert aligned("NAME\tREADY\tAGE\nweb-5d\t1/1\t5s\n") == "NAME     READY   AGE\nweb-5d   1/1     5s\n"


def test_a_line_without_the_cell_ends_the_column():
    assert aligned("a\tb\nlonger-cell\tc\nplain\nx\ty\n") == "a             b\nlonger-cell   c\nplain\nx     y\n"


def test_narrow_columns_keep_the_minimal_width():
    assert aligned("a\tb\n") == "a     b\n"

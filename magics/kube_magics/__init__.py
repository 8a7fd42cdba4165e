"""IPython magics over kube_nb; ``%load_ext kube_nb`` loads them."""

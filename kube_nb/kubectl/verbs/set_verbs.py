"""``kubectl set``: its subcommands change one part of pod templates, and share how the change is sent and told.

Models kubectl pkg/cmd/set.
"""

from kube_nb.kubectl.command import Command
from kube_nb.kubectl.verbs import set_env, set_image, set_resources, set_selector

COMMAND = Command(
    name="set",
    about="Set specific features on objects. These commands help you make changes to existing application resources.",
    usage="kubectl set SUBCOMMAND [options]",
    subcommands=(
        set_env.COMMAND,
        set_image.COMMAND,
        set_resources.COMMAND,
        set_selector.SELECTOR,
        set_selector.SERVICE_ACCOUNT,
    ),
)

"""peers: the servers that are measured side by side, each set up privately on loopback."""

from .nginx import Nginx
from .postfix import Postfix
from .sekisho import Sekisho

BY_NAME = {peer.name: peer for peer in (Sekisho, Nginx, Postfix)}

"""The model server of the tests, which deeper-model ships."""

from deeper_model.conformance import Peer, Play, Request, Upstream, running_upstream

__all__ = ["Peer", "Play", "Request", "Upstream", "running_upstream"]

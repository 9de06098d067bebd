#!/usr/bin/env python
"""``ollama serve`` and ``ollama list``, as far as the stack uses them: four words of the stand-in each second."""

import sys
import urllib.request

from aiohttp import web

from tests.fakes.ollama import OllamaStandIn

PORT = 11434

if sys.argv[1:] == ["list"]:
    urllib.request.urlopen(f"http://127.0.0.1:{PORT}/api/tags", timeout=5).close()
else:
    web.run_app(OllamaStandIn(delay=0.25).application(), port=PORT)

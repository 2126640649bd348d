"""The name of `http.client` in Python 2."""

import http.client
import sys

sys.modules["httplib"] = http.client

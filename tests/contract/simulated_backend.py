"""A simulated backend as a process: `/api/health` of the playbook on the port of argv, for ever."""

from __future__ import annotations

import http.server
import json
import sys

BODY = {
    "success": True,
    "status": "OK",
    "message": "Healthy",
    "environment": "test",
    "database": {"connected": True, "ok": True},
    "redis": {"connected": True, "ok": True},
}


class Health(http.server.BaseHTTPRequestHandler):
    """Answers every GET, on connections that are kept."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        raw = json.dumps(BODY).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Health).serve_forever()

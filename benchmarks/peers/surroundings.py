"""What the runner tells a peer: where its database is and whom it may believe."""

import os

DATABASE = os.environ.get("BENCHMARK_DATABASE", "")
API_KEY = os.environ.get("BENCHMARK_API_KEY", "")
JWT_SECRET = os.environ.get("BENCHMARK_JWT_SECRET", "")

ADMIN_ROLES = frozenset({"admin", "security_admin"})

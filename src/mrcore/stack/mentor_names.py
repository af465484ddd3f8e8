"""What the processes of Mr. Mentor are told, under the playbook's own names."""

from __future__ import annotations

from mrcore.stack import addresses, credentials

SECRET = frozenset(
    (
        "EMAIL_USER",
        "EMAIL_PASS",
        "RAZORPAY_KEY_ID",
        "RAZORPAY_KEY_SECRET",
        "RAZORPAY_WEBHOOK_SECRET",
        "EXOTEL_SID",
        "EXOTEL_API_KEY",
        "EXOTEL_API_TOKEN",
        "EXOTEL_CALLER_ID",
        "EXOTEL_SUBDOMAIN",
        "EXOTEL_SMS_SENDER_ID",
        "EXOTEL_WEBHOOK_TOKEN",
        "CORS_ORIGINS",
    )
)
"""What a backend and a worker read from the secrets manager instead."""

CLOCK = "worker.clock"
"""The file in a stack's folder that says by how much the clock of its worker's jobs is wrong."""

PAGES = "https://app.mrmentor.example"
"""The origin of production's pages."""


def of(places: addresses.Addresses, words: credentials.Credentials) -> dict[str, str]:
    """The environment of a stack's Mr. Mentor; secrets are in it."""
    postgres, redis = places.postgres, places.redis
    return {
        "DB_HOST": postgres.host,
        "DB_PORT": str(postgres.port),
        "DB_USERNAME": addresses.APP_ROLE,
        "DB_PASSWORD": words.app,
        "DB_NAME": addresses.DATABASE,
        "REDIS_HOST": redis.host,
        "REDIS_PORT": str(redis.port),
        "REDIS_PASSWORD": redis.password,
        "REDIS_DB": redis.path or "0",
        "EMAIL_HOST": "127.0.0.1",
        "EMAIL_PORT": str(places.smtp_port),
        "EMAIL_USER": "mentor@mrmentor.example",
        "EMAIL_PASS": words.smtp,
        "BULL_BOARD_USERNAME": "admin",
        "BULL_BOARD_PASSWORD": words.bull_board,
        "JWT_SECRET": words.jwt,
        "NODE_ENV": "development",
        "CORS_ORIGINS": PAGES,
        **_services(places, words),
    }


def _services(places: addresses.Addresses, words: credentials.Credentials) -> dict[str, str]:
    """Accounts that the simulated services know, for they are told the same."""
    url = f"http://127.0.0.1:{places.upstreams_port}"
    return {
        "RAZORPAY_KEY_ID": "rzp_test_mrmentor",
        "RAZORPAY_KEY_SECRET": words.razorpay,
        "RAZORPAY_WEBHOOK_SECRET": words.razorpay_webhook,
        "RAZORPAY_URL": f"{url}/razorpay",
        "EXOTEL_SID": "mrmentor1",
        "EXOTEL_API_KEY": "mrmentor",
        "EXOTEL_API_TOKEN": words.exotel,
        "EXOTEL_CALLER_ID": "08047112233",
        "EXOTEL_SUBDOMAIN": "api.in.exotel.com",
        "EXOTEL_SMS_SENDER_ID": "MRMNTR",
        "EXOTEL_WEBHOOK_TOKEN": words.exotel_webhook,
        "MR_EXOTEL_URL": f"{url}/exotel",
        "TURN_URL": f"turn:127.0.0.1:{places.turn_port}",
        "TURN_USERNAME": "mrmentor",
        "TURN_PASSWORD": words.turn,
        "BACKEND_PUBLIC_URL": places.switch,
        "MR_SECRETS_URL": f"{url}/secrets",
        "MR_SECRETS_TOKEN": words.secrets,
    }

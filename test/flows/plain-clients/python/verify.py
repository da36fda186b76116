"""A service that knows PyJWT and nothing of us: a token a line in, "ok" or the reason out."""
import sys
from datetime import datetime, timedelta

import jwt

jwks_uri, issuer, audience, algorithm, behind = sys.argv[1:]


class Clock(datetime):
    """So many seconds behind."""

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) - timedelta(seconds=int(behind))


jwt.api_jwt.datetime = Clock
# PyJWT keeps a key set for five minutes and asks anew for a kid that is not in it.
keys = jwt.PyJWKClient(jwks_uri)
for line in sys.stdin:
    token = line.strip()
    try:
        key = keys.get_signing_key_from_jwt(token).key
        # The leeway is for clocks: PyJWT refuses what seems to be issued in the future.
        claims = jwt.decode(token, key, algorithms=[algorithm], issuer=issuer, audience=audience, leeway=60)
        assert jwt.get_unverified_header(token)["typ"] == "at+jwt"
        print("ok", claims["sub"], flush=True)
    except Exception as reason:
        print(type(reason).__name__, flush=True)

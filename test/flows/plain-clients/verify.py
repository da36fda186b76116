"""A service that knows PyJWT and nothing of us: a token a line in, "ok" or the reason out."""
import sys

import jwt

jwks_uri, issuer, audience, algorithm = sys.argv[1:]
# PyJWT keeps a key set for five minutes and asks anew for a kid that is not in it.
keys = jwt.PyJWKClient(jwks_uri)
for line in sys.stdin:
    token = line.strip()
    try:
        key = keys.get_signing_key_from_jwt(token).key
        claims = jwt.decode(token, key, algorithms=[algorithm], issuer=issuer, audience=audience)
        print("ok", claims["sub"], flush=True)
    except Exception as reason:
        print(type(reason).__name__, flush=True)

"""Verifies an identity token (standard input) as any backend in Python would, with PyJWT and the gateway's JWKS.

usage: verify-identity.py JWKS_URL ISSUER AUDIENCE
Prints the claims as JSON; exit code 1 for a token that does not hold.
"""
import json
import sys

import jwt

jwks_url, issuer, audience = sys.argv[1:]
token = sys.stdin.read()
key = jwt.PyJWKClient(jwks_url).get_signing_key_from_jwt(token)
try:
    claims = jwt.decode(token, key.key, algorithms=["ES256"], issuer=issuer, audience=audience, options={"require": ["exp", "iat", "sub", "jti"]})
except jwt.InvalidTokenError as error:
    sys.exit(f"refused: {type(error).__name__}")
print(json.dumps(claims))

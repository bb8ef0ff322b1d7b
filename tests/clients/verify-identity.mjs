// Verifies an identity token (standard input) as any backend on Node.js would, with jose and the gateway's JWKS.
// usage: verify-identity.mjs JWKS_URL ISSUER AUDIENCE
// Prints the claims as JSON; exit code 1 for a token that does not hold.
import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import { text } from 'node:stream/consumers';

const [jwksUrl, issuer, audience] = process.argv.slice(2);
try {
  const { payload } = await jwtVerify((await text(process.stdin)).trim(), createRemoteJWKSet(new URL(jwksUrl)), {
    issuer,
    audience,
    typ: 'identity+jwt',
    algorithms: ['ES256'],
    requiredClaims: ['exp', 'iat', 'sub', 'jti'],
  });
  console.log(JSON.stringify(payload));
} catch (error) {
  if (!(error instanceof errors.JOSEError)) throw error;
  console.error(`refused: ${error.code}`);
  process.exitCode = 1;
}

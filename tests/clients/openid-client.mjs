// Drives the authorization server with openid-client as any application would, unmodified.
// usage: openid-client.mjs ISSUER USERNAME PASSWORD
// Signs in by filling in the pages' forms. Prints what it found as JSON; any fault ends it with exit code 1.
import * as oidc from 'openid-client';
import { generateKeyPair, exportJWK } from 'jose';

const [issuer, userName, password] = process.argv.slice(2);
const redirectUri = 'http://127.0.0.1:39999/callback';
const insecure = { execute: [oidc.allowInsecureRequests] };
const discover = (clientId, authentication) => oidc.discovery(new URL(issuer), clientId, undefined, authentication, insecure);
const found = {};

const spa = await discover('demo-spa', oidc.None());
const verifier = oidc.randomPKCECodeVerifier();
const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
const start = oidc.buildAuthorizationUrl(spa, {
  redirect_uri: redirectUri, scope: 'openid profile', state, nonce,
  code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256',
});
const callback = await browse(start);
const first = await oidc.authorizationCodeGrant(spa, callback, { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce });
found.claims = first.claims();
found.userinfo = await oidc.fetchUserInfo(spa, first.access_token, first.claims().sub);

const second = await oidc.refreshTokenGrant(spa, first.refresh_token);
found.renewed = second.refresh_token !== first.refresh_token && second.access_token !== first.access_token;

const introspector = await discover('introspector', oidc.ClientSecretBasic('introspector-secret-1'));
found.before = (await oidc.tokenIntrospection(introspector, second.access_token)).active;
await oidc.tokenRevocation(spa, second.refresh_token, { token_type_hint: 'refresh_token' });
found.after = (await oidc.tokenIntrospection(introspector, second.access_token)).active;

// A service that signs assertions with a key of its own.
const { publicKey, privateKey } = await generateKeyPair('ES256');
const clientId = `worker-${Date.now()}`;
await register({
  client_id: clientId, client_name: 'Worker', token_endpoint_auth_method: 'private_key_jwt', grant_types: ['client_credentials'], scope: 'orders.read',
  jwks: { keys: [{ ...(await exportJWK(publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }] },
});
const worker = await discover(clientId, oidc.PrivateKeyJwt({ key: privateKey, kid: 'k1' }));
const service = await oidc.clientCredentialsGrant(worker, { scope: 'orders.read' });
found.service = { scope: service.scope, orders: (await fetch(`${issuer}/orders`, { headers: { authorization: `Bearer ${service.access_token}` } })).status };

console.log(JSON.stringify(found));

/** Follows redirects and fills in forms as a browser would, until it is sent back to the application. */
async function browse(address) {
  const cookies = new Map();
  let request = {};
  for (let steps = 0; steps < 20; steps++) {
    if (address.href.startsWith(redirectUri)) return address;
    const response = await fetch(address, {
      ...request, redirect: 'manual', headers: { ...request.headers, cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    for (const cookie of response.headers.getSetCookie()) {
      const [name, value] = cookie.split(';')[0].split('=');
      cookies.set(name, value);
    }
    if (response.headers.get('location')) {
      [address, request] = [new URL(response.headers.get('location'), address), {}];
      continue;
    }
    const html = await response.text();
    const token = /name="form_token" type="hidden" value="([^"]+)"/.exec(html)?.[1];
    if (response.status !== 200 || !html.includes('name="username"') || !token) throw new Error(`${response.status} at ${address.pathname}: ${html}`);
    request = { method: 'POST', body: new URLSearchParams({ username: userName, password, form_token: token }), headers: { origin: address.origin } };
  }
  throw new Error('The redirects have no end.');
}

async function register(client) {
  const signIn = await json('/api/token/', { username: 'admin', password: 'admin-password-1' });
  await json('/api/admin/clients', client, signIn.access);
}

async function json(path, body, access) {
  const response = await fetch(issuer + path, {
    method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...(access && { authorization: `Bearer ${access}` }) },
  });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { type TokenRules, TokenVerifier } from '../../src/runtime/json-web-tokens.ts'

const RULES: Omit<TokenRules, 'keysUrl'> = {
  keysRefreshMs: 3_600_000,
  issuer: 'https://issuer.example',
  audiences: ['elytra', 'kafka'],
  subjectClaim: 'sub',
  clockSkewS: 0,
}

let folder: string
let keysFile: string
const rsa = await generateKeyPair('RS256', { extractable: true })
const ec = await generateKeyPair('ES256', { extractable: true })
const stranger = await generateKeyPair('RS256')

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'elytra-jwks-'))
  keysFile = join(folder, 'keys.json')
  await writeFile(keysFile, await jwks())
})
after(() => rm(folder, { recursive: true, force: true }))

async function jwks(): Promise<string> {
  const keys = [
    { ...(await exportJWK(rsa.publicKey)), kid: 'rsa', alg: 'RS256' },
    { ...(await exportJWK(ec.publicKey)), kid: 'ec' },
  ]
  return JSON.stringify({ keys })
}

const nowS = () => Math.floor(Date.now() / 1_000)

function token(claims: Record<string, unknown> = {}, kid = 'rsa', key: Parameters<SignJWT['sign']>[0] = rsa.privateKey, alg = 'RS256'): Promise<string> {
  const payload = { sub: 'alice', iss: RULES.issuer, aud: 'elytra', iat: nowS(), exp: nowS() + 60, ...claims }
  return new SignJWT(payload).setProtectedHeader({ alg, kid }).sign(key)
}

const open = (rules: Partial<TokenRules> = {}) => TokenVerifier.open({ ...RULES, keysUrl: pathToFileURL(keysFile).href, ...rules })

test('a token that a known key signed names its user and its end', async () => {
  const verifier = await open()
  const exp = nowS() + 100
  assert.deepEqual(await verifier.verify(await token({ exp })), { subject: 'alice', expiresAtMs: exp * 1_000 })
  assert.deepEqual(await verifier.verify(await token({ exp, aud: ['other', 'kafka'] }, 'ec', ec.privateKey, 'ES256')), {
    subject: 'alice',
    expiresAtMs: exp * 1_000,
  })
})

test('a token is refused for every single thing that is wrong with it', async () => {
  const verifier = await open()
  const wrong: Record<string, Promise<string>> = {
    'of another key': token({}, 'rsa', stranger.privateKey),
    'of an unknown key': token({}, 'other', stranger.privateKey),
    'over time': token({ exp: nowS() - 1 }),
    'without an end': token({ exp: undefined }),
    'without a begin': token({ iat: undefined }),
    'not yet valid': token({ nbf: nowS() + 100 }),
    'of another issuer': token({ iss: 'https://other.example' }),
    'for another audience': token({ aud: 'other' }),
    'for nobody': token({ sub: undefined }),
    'for an empty name': token({ sub: ' ' }),
    'for what is no name': token({ sub: 7 }),
  }
  for (const [what, made] of Object.entries(wrong)) assert.equal(typeof (await verifier.verify(await made)), 'string', what)
  for (const text of ['', 'x', 'a.b.c', `${await token()}x`]) assert.equal(typeof (await verifier.verify(text)), 'string', text)
})

test('neither a shared secret nor no signature at all signs a token', async () => {
  const verifier = await open()
  const [header, payload] = (await token()).split('.') as [string, string]
  const none = Buffer.from('{"alg":"none","kid":"rsa"}').toString('base64url')
  assert.equal(typeof (await verifier.verify(`${none}.${payload}.`)), 'string')
  assert.equal(typeof (await verifier.verify(`${header}.${payload}.`)), 'string')
  // The public key as a secret: the oldest trick.
  const pem = new TextEncoder().encode(await jwks())
  assert.equal(typeof (await verifier.verify(await token({}, 'rsa', pem, 'HS256'))), 'string')
})

test('another claim may name the user', async () => {
  const verifier = await open({ subjectClaim: 'preferred_username' })
  const verified = await verifier.verify(await token({ preferred_username: 'bob' }))
  assert.equal(typeof verified === 'string' ? null : verified.subject, 'bob')
})

test('keys are fetched from a server, and once more when one is not known', async () => {
  let asked = 0
  const server = createServer((_, response) => {
    asked++
    void jwks().then((text) => response.setHeader('content-type', 'application/json').end(text))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const verifier = await open({ keysUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys` })
  assert.equal(typeof (await verifier.verify(await token())), 'object')
  assert.equal(typeof (await verifier.verify(await token())), 'object')
  assert.equal(asked, 1)
  server.close()
  server.closeAllConnections()
})

test('keys that are replaced in their file count after the time to refresh', async () => {
  const file = join(folder, 'other.json')
  await writeFile(file, '{"keys":[]}')
  const verifier = await open({ keysUrl: pathToFileURL(file).href, keysRefreshMs: 0 })
  await writeFile(file, await jwks())
  assert.equal(typeof (await verifier.verify(await token())), 'object')
})

test('a file without keys is an error at the start', async () => {
  await writeFile(join(folder, 'wrong.json'), '[]')
  await assert.rejects(open({ keysUrl: pathToFileURL(join(folder, 'wrong.json')).href }))
  await assert.rejects(open({ keysUrl: pathToFileURL(join(folder, 'none.json')).href }), /no such file/)
})

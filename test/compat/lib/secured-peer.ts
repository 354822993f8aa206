/** A broker with users, a listener without TLS and one with it: what clients in other languages log in to. */
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { certificateFile, keyFile } from '../../net/certificates.ts'
import { ElytraProcess, ROOT } from './broker.ts'
import { runOk } from './process.ts'

interface User {
  readonly name: string
  readonly password: string
}

/** Where and as whom to log in; handed to the programs of the suites as JSON. */
export interface Logins {
  /** `HOST:PORT` of the listener without TLS: SASL_PLAINTEXT. */
  readonly sasl: string
  /** `HOST:PORT` of the listener with TLS: SASL_SSL, or SSL with a client certificate. */
  readonly tls: string
  /** The PEM file of the authority that signed the broker's certificate. */
  readonly ca: string
  /** May everything. */
  readonly root: User
  /** May nothing until he is let. */
  readonly bob: User
  readonly certificate: string
  readonly key: string
  /** The name that the broker gives to the owner of that certificate. */
  readonly certificateOf: string
}

export interface SecuredPeer extends AsyncDisposable {
  readonly logins: Logins
}

export async function openSecuredPeer(): Promise<SecuredPeer> {
  const folder = await mkdtemp(join(tmpdir(), 'elytra-secured-'))
  const settings = {
    // The second Kafka listener is on another loopback address, so that the setting can name the first alone.
    'tls.listeners': '127.0.0.1:0',
    'ssl.certificate.files': join(folder, 'tls.crt'),
    'ssl.key.files': join(folder, 'tls.key'),
    'ssl.ca.files': certificateFile('authority'),
    'ssl.client.auth': 'requested',
    'ssl.principal.mapping.rules': 'RULE:^CN=(.*?),.*$/cert-$1/, DEFAULT',
    'group.initial.rebalance.delay.ms': '0',
  }
  await mkdir(join(folder, 'data'))
  await copyFile(certificateFile('server'), join(folder, 'tls.crt'))
  await copyFile(keyFile('server'), join(folder, 'tls.key'))
  const words = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`])
  const elytra = new ElytraProcess(join(folder, 'data'), ['--kafka', '127.0.0.2:0', ...words])
  const close = async () => {
    await elytra.stop()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await elytra.start()
    const [tls = '', sasl = ''] = elytra.addresses.kafka.split(',')
    const root = { name: 'root', password: 'größe, "quoted" & long enough' }
    const bob = { name: 'bob', password: 'bobs own, and long enough' }
    const cli = (words: readonly string[], env: Readonly<Record<string, string>> = {}, input = '') =>
      runOk(process.execPath, [join(process.env.COMPAT_ELYTRA ?? ROOT, 'bin/elytra.js'), ...words, '-b', sasl], { input, env })
    await cli(['user', 'add', root.name], {}, `${root.password}\n`)
    await writeFile(join(folder, 'bob.txt'), bob.password)
    await cli(['user', 'add', bob.name, '--new-password-file', join(folder, 'bob.txt'), '--user', root.name], { ELYTRA_PASSWORD: root.password })
    const logins = {
      sasl,
      tls,
      ca: certificateFile('authority'),
      root,
      bob,
      certificate: certificateFile('alice'),
      key: keyFile('alice'),
      certificateOf: 'cert-alice',
    }
    return { logins, [Symbol.asyncDispose]: close }
  } catch (error) {
    await close()
    throw error
  }
}

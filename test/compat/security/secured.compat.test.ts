/**
 * A broker as it stands in a network: TLS on every listener, rights for everybody but the administrator. Real clients by SSL, SASL_SSL,
 * OAUTHBEARER, delegation tokens and certificates of their own; Kafka's tools give and take rights.
 */
import assert from 'node:assert/strict'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { connect } from 'node:tls'
import { pathToFileURL } from 'node:url'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { Kafka, logLevel } from 'kafkajs'
import mqtt from 'mqtt'
import { certificate, certificateFile, keyFile, privateKey } from '../../net/certificates.ts'
import { tool } from '../java/tools.ts'
import { ElytraProcess, ROOT } from '../lib/broker.ts'
import { run, runOk, until } from '../lib/process.ts'
import { javaMissing, PYTHON, programsMissing, pythonMissing } from '../lib/toolchain.ts'

const ROOT_PASSWORD = 'wonderland and more'
const BOB_PASSWORD = 'bobs own'
const AUTHORITY = certificateFile('authority')
const ISSUER = 'https://issuer.example'
const missing =
  process.env.COMPAT_KAFKA || process.env.COMPAT_MQTT
    ? 'needs certificates of its own broker'
    : pythonMissing() || programsMissing('kcat', 'mosquitto_pub') || javaMissing()

describe('secured', { skip: missing }, () => {
  let folder: string
  let elytra: ElytraProcess
  let token: string

  const elytraCli = (words: readonly string[], input = '') =>
    runOk(process.execPath, [join(process.env.COMPAT_ELYTRA ?? ROOT, 'bin/elytra.js'), ...words, '-b', elytra.addresses.kafka, '--ca', AUTHORITY], {
      input,
      env: { ELYTRA_PASSWORD: ROOT_PASSWORD },
    })
  const asRoot = (words: readonly string[], input = '') => elytraCli([...words, '--user', 'root'], input)

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'elytra-secured-'))
    await copyFile(certificateFile('server'), join(folder, 'tls.crt'))
    await copyFile(keyFile('server'), join(folder, 'tls.key'))
    token = await makeToken(folder)
    const settings = {
      'tls.listeners': '127.0.0.1:0',
      'ssl.certificate.files': join(folder, 'tls.crt'),
      'ssl.key.files': join(folder, 'tls.key'),
      'ssl.ca.files': AUTHORITY,
      'ssl.client.auth': 'requested',
      'ssl.principal.mapping.rules': 'RULE:^CN=(.*?),.*$/cert-$1/, DEFAULT',
      'sasl.oauthbearer.jwks.endpoint.url': pathToFileURL(join(folder, 'keys.json')).href,
      'sasl.oauthbearer.expected.issuer': ISSUER,
      'sasl.oauthbearer.expected.audience': 'elytra',
    }
    elytra = new ElytraProcess(
      join(folder, 'data'),
      Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]),
    )
    await elytra.start()
    await elytraCli(['user', 'add', 'root'], `${ROOT_PASSWORD}\n`)
    await writeFile(join(folder, 'bob.txt'), BOB_PASSWORD)
    await asRoot(['user', 'add', 'bob', '--new-password-file', join(folder, 'bob.txt')])
    await asRoot(['topic', 'create', 'orders', '-p', '1'])
  })
  after(async () => {
    await elytra?.stop()
    if (folder) await rm(folder, { recursive: true, force: true })
  })

  const kcat = (words: readonly string[], settings: Readonly<Record<string, string>>, input = '') =>
    run(
      'kcat',
      [
        '-b',
        elytra.addresses.kafka,
        '-m',
        '5',
        '-X',
        `ssl.ca.location=${AUTHORITY}`,
        ...words,
        ...Object.entries(settings).flatMap(([k, v]) => ['-X', `${k}=${v}`]),
      ],
      { input },
    )
  const asBob = { 'security.protocol': 'SASL_SSL', 'sasl.mechanisms': 'SCRAM-SHA-512', 'sasl.username': 'bob', 'sasl.password': BOB_PASSWORD }
  const byCertificate = { 'security.protocol': 'SSL', 'ssl.certificate.location': certificateFile('alice'), 'ssl.key.location': keyFile('alice') }

  test('kcat by SASL_SSL: bob may nothing until he is let, and then what he was let', async () => {
    const produce = () => kcat(['-P', '-t', 'orders', '-X', 'message.timeout.ms=5000'], asBob, 'hello\n')
    const denied = await produce()
    assert.match(denied.stderr, /authorization failed/i)
    await asRoot(['acl', 'add', 'bob', 'read,write', 'topic:orders'])
    const allowed = await produce()
    assert.equal(allowed.code, 0, allowed.stderr)
    const read = await kcat(['-C', '-t', 'orders', '-o', 'beginning', '-e', '-q'], asBob)
    assert.equal(read.stdout, 'hello\n', read.stderr)
    await asRoot(['acl', 'add', '*', 'read', 'topic:orders', '--deny'])
    assert.match((await kcat(['-C', '-t', 'orders', '-o', 'beginning', '-e', '-q'], asBob)).stderr, /authorization failed/i)
    await asRoot(['acl', 'remove', '*', 'read', 'topic:orders', '--deny'])
  })

  test('kcat by SSL is who its certificate says; without one, or by another authority, it is nobody', async () => {
    await asRoot(['acl', 'add', 'cert-alice', 'read', 'topic:orders'])
    const read = await kcat(['-C', '-t', 'orders', '-o', 'beginning', '-e', '-q'], byCertificate)
    assert.equal(read.stdout, 'hello\n', read.stderr)
    assert.notEqual((await kcat(['-L'], { 'security.protocol': 'SSL' })).code, 0)
    const stranger = { ...byCertificate, 'ssl.certificate.location': certificateFile('mallory'), 'ssl.key.location': keyFile('mallory') }
    assert.notEqual((await kcat(['-L'], stranger)).code, 0)
  })

  test('kafkajs by SASL_SSL', async () => {
    const sasl = { mechanism: 'scram-sha-256', username: 'bob', password: BOB_PASSWORD } as const
    const kafka = new Kafka({ brokers: [elytra.addresses.kafka], ssl: { ca: [certificate('authority')] }, sasl, logLevel: logLevel.NOTHING })
    const admin = kafka.admin()
    await admin.connect()
    assert.deepEqual(await admin.listTopics(), ['orders'])
    await admin.disconnect()
  })

  test('librdkafka by OAUTHBEARER is who its token says, and not with a token that somebody else signed', async () => {
    await asRoot(['acl', 'add', 'olga', 'describe', 'topic:orders'])
    const script = [
      'import sys, time',
      'from confluent_kafka.admin import AdminClient',
      'token, bootstrap, ca = sys.argv[1:4]',
      'admin = AdminClient({"bootstrap.servers": bootstrap, "security.protocol": "SASL_SSL", "sasl.mechanisms": "OAUTHBEARER",',
      '  "ssl.ca.location": ca, "oauth_cb": lambda _: (token, time.time() + 600), "log_level": 0})',
      'admin.poll(0.5)',
      'print(",".join(admin.list_topics(timeout=8).topics))',
    ].join('\n')
    const list = (jwt: string) => run(PYTHON, ['-c', script, jwt, elytra.addresses.kafka, AUTHORITY])
    const right = await list(token)
    assert.equal(right.stdout.trim(), 'orders', right.stderr)
    const wrong = await list(await makeToken(await mkdtemp(join(folder, 'stranger-'))))
    assert.notEqual(wrong.code, 0, wrong.stdout)
  })

  /** Writes a properties file for Java's clients: TLS by PEM files, and what else is given. */
  async function javaConfig(name: string, more: Readonly<Record<string, string>>): Promise<string> {
    const file = join(folder, `${name}.properties`)
    const all = {
      'ssl.truststore.type': 'PEM',
      'ssl.truststore.location': AUTHORITY,
      'request.timeout.ms': '8000',
      'default.api.timeout.ms': '10000',
      ...more,
    }
    await writeFile(
      file,
      `${Object.entries(all)
        .map(([key, value]) => `${key}=${value}`)
        .join('\n')}\n`,
    )
    return file
  }
  const scram = (user: string, password: string, more = '') =>
    ({
      'security.protocol': 'SASL_SSL',
      'sasl.mechanism': 'SCRAM-SHA-256',
      'sasl.jaas.config': `org.apache.kafka.common.security.scram.ScramLoginModule required username="${user}" password="${password}"${more};`,
    }) as const
  const java = (main: string, config: string, words: readonly string[]) =>
    tool(main, ['--bootstrap-server', elytra.addresses.kafka, '--command-config', config, ...words])

  test('Kafka’s own tool gives, shows and takes rights', async () => {
    const config = await javaConfig('root', scram('root', ROOT_PASSWORD))
    const acls = (...words: string[]) => java('org.apache.kafka.tools.AclCommand', config, words)
    const added = await acls(
      '--add',
      '--allow-principal',
      'User:carol',
      '--producer',
      '--topic',
      'inv',
      '--resource-pattern-type',
      'prefixed',
      '--transactional-id',
      'tx',
    )
    assert.equal(added.code, 0, added.stdout + added.stderr)
    const denied = await acls('--add', '--deny-principal', 'User:carol', '--deny-host', '10.1.2.3', '--operation', 'All', '--group', '*')
    assert.equal(denied.code, 0, denied.stdout + denied.stderr)
    const listed = await acls('--list', '--principal', 'User:carol')
    assert.match(listed.stdout, /resourceType=TOPIC, name=inv, patternType=PREFIXED/)
    assert.match(listed.stdout, /principal=User:carol, host=10\.1\.2\.3, operation=ALL, permissionType=DENY/)
    const ours = await asRoot(['acl', 'list', '--of', 'carol'])
    assert.match(ours.stdout, /carol +allow +write +topic:inv\*/)
    const removed = await acls(
      '--remove',
      '--force',
      '--allow-principal',
      'User:carol',
      '--producer',
      '--topic',
      'inv',
      '--resource-pattern-type',
      'prefixed',
      '--transactional-id',
      'tx',
    )
    assert.equal(removed.code, 0, removed.stdout + removed.stderr)
    assert.doesNotMatch((await asRoot(['acl', 'list', '--of', 'carol'])).stdout, /inv/)
    const bob = await java('org.apache.kafka.tools.AclCommand', await javaConfig('bob', scram('bob', BOB_PASSWORD)), ['--list'])
    assert.match(bob.stdout + bob.stderr, /ClusterAuthorizationException|CLUSTER_AUTHORIZATION_FAILED|not authorized|may not/i)
  })

  test('Java by a certificate of its own', async () => {
    const keys = join(folder, 'alice.pem')
    await writeFile(keys, privateKey('alice') + certificate('alice'))
    const config = await javaConfig('cert', { 'security.protocol': 'SSL', 'ssl.keystore.type': 'PEM', 'ssl.keystore.location': keys })
    const listed = await java('org.apache.kafka.tools.TopicCommand', config, ['--list'])
    assert.equal(listed.stdout.trim(), 'orders', listed.stdout + listed.stderr)
  })

  test('Java by a delegation token, which ends when it is told to', async () => {
    const config = await javaConfig('root', scram('root', ROOT_PASSWORD))
    const tokens = (who: string, ...words: string[]) => java('org.apache.kafka.tools.DelegationTokenCommand', who, words)
    await asRoot(['acl', 'add', 'dora', 'describe', 'topic:orders'])
    const made = await tokens(config, '--create', '--max-life-time-period', '-1', '--renewer-principal', 'User:bob', '--owner-principal', 'User:dora')
    const [, id = '', hmac = ''] = /^(\S+)\s+(\S+==?)\s+User:dora/m.exec(made.stdout) ?? []
    assert.notEqual(hmac, '', made.stdout + made.stderr)
    const asDora = await javaConfig('dora', scram(id, hmac, ' tokenauth="true"'))
    const listed = await java('org.apache.kafka.tools.TopicCommand', asDora, ['--list'])
    assert.equal(listed.stdout.trim(), 'orders', listed.stdout + listed.stderr)
    // The owner and the renewers may, the one who asked for it may not.
    const expired = await tokens(await javaConfig('bob', scram('bob', BOB_PASSWORD)), '--expire', '--expiry-time-period', '-1', '--hmac', hmac)
    assert.equal(expired.code, 0, expired.stdout + expired.stderr)
    const refused = await java('org.apache.kafka.tools.TopicCommand', asDora, ['--list'])
    assert.match(refused.stdout + refused.stderr, /Authentication failed|SaslAuthenticationException/i)
  })

  test('MQTT.js and mosquitto_pub by TLS: with a password, with a certificate, within their rights', async () => {
    const { host, port } = elytra.addresses.mqtt
    await asRoot(['acl', 'add', 'cert-alice', 'write', 'topic:orders/eu/#'])
    const client = await mqtt.connectAsync(`mqtts://${host}:${port}`, {
      ca: certificate('authority'),
      username: 'bob',
      password: BOB_PASSWORD,
      protocolVersion: 5,
      reconnectPeriod: 0,
    })
    const heard: string[] = []
    client.on('message', (topic, payload) => heard.push(`${topic} ${payload}`))
    await client.subscribeAsync('orders/#', { qos: 1 })
    await assert.rejects(client.subscribeAsync('other/#', { qos: 1 }), /Not authorized|135/i)
    const pub = (topic: string, ...words: string[]) =>
      run('mosquitto_pub', ['-h', host, '-p', `${port}`, '--cafile', AUTHORITY, '-V', '5', '-q', '1', '-t', topic, '-m', 'x', ...words])
    const own = ['--cert', certificateFile('alice'), '--key', keyFile('alice')]
    const published = await pub('orders/eu/1', ...own)
    assert.equal(published.code, 0, published.stderr)
    assert.match((await pub('orders/us/1', ...own)).stderr, /not authori[sz]ed/i)
    assert.notEqual((await pub('orders/eu/1')).code, 0)
    await until('the message', () => heard.length > 0)
    assert.deepEqual(heard, ['orders/eu/1 x'])
    await client.endAsync()
  })

  test('renewed certificates are served after SIGHUP, without a restart', async () => {
    const organisation = () =>
      new Promise<string | undefined>((resolve, reject) => {
        const [host, port] = elytra.addresses.kafka.split(':') as [string, string]
        const socket = connect({ host, port: Number(port), ca: certificate('authority') }, () => {
          resolve(socket.getPeerCertificate().subject.O as string | undefined)
          socket.destroy()
        })
        socket.on('error', reject)
      })
    assert.equal(await organisation(), undefined)
    await copyFile(certificateFile('renewed'), join(folder, 'tls.crt'))
    await copyFile(keyFile('renewed'), join(folder, 'tls.key'))
    process.kill(elytra.pid, 'SIGHUP')
    await until('the line in the log', () => elytra.log.includes('certificate read anew'))
    assert.equal(await organisation(), 'Renewed')
  })
})

/** A key set in `keys.json` of the folder, and a token for olga that one of its keys signed. */
async function makeToken(folder: string): Promise<string> {
  const { publicKey, privateKey: signer } = await generateKeyPair('RS256', { extractable: true })
  await writeFile(join(folder, 'keys.json'), JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256' }] }))
  const payload = { sub: 'olga', iss: ISSUER, aud: 'elytra' }
  return new SignJWT(payload).setProtectedHeader({ alg: 'RS256', kid: 'k' }).setIssuedAt().setExpirationTime('1h').sign(signer)
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Failure } from '../../../src/broker/errors.ts'
import type { ScramMechanism } from '../../../src/broker/security/ports.ts'
import { credentialOf, saltPassword } from '../../../src/broker/security/scram.ts'
import { UserStore } from '../../../src/broker/security/user-store.ts'
import type { AppendGroup, LogStore } from '../../../src/log/ports.ts'
import { systemRandom } from '../../../src/runtime/random.ts'

/** The state half of a log: remembers records, and fails when told to. */
class StateOnlyLog {
  readonly records: { key: string; value: Uint8Array | null }[] = []
  failing = false
  register(): void {}
  append(group: AppendGroup): void {
    assert.equal(group.durability, 'durable')
    if (!this.failing) this.records.push(...group.state)
    const failure = this.failing ? ({ code: 'storage-error', message: 'disk full' } as const) : null
    queueMicrotask(() => group.onDone(failure))
  }
}

const store = (log = new StateOnlyLog(), superUsers: string[] = []) => ({
  log,
  users: new UserStore(log as unknown as LogStore, systemRandom, { superUsers, maxUsers: 3 }),
})

const put = async (users: UserStore, name: string, password: string, mechanism: ScramMechanism = 'SCRAM-SHA-256', iterations = 4096) => {
  const salt = systemRandom.bytes(16)
  const credential = credentialOf(mechanism, await saltPassword(mechanism, password, salt, iterations), salt, iterations)
  return new Promise<Failure | null>((resolve) => users.alterCredentials(name, { put: [credential], remove: [] }, resolve))
}

const drop = (users: UserStore, name: string, mechanism: ScramMechanism = 'SCRAM-SHA-256') =>
  new Promise<Failure | null>((resolve) => users.alterCredentials(name, { put: [], remove: [mechanism] }, resolve))

test('the stored keys of RFC 7677’s example prove its password', async () => {
  // RFC 7677 section 3: user "user", password "pencil".
  const salt = Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64')
  const credential = credentialOf('SCRAM-SHA-256', await saltPassword('SCRAM-SHA-256', 'pencil', salt, 4096), salt, 4096)
  // The server signature of the RFC's exchange is HMAC(serverKey, authMessage).
  const { createHmac } = await import('node:crypto')
  const authMessage =
    'n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0'
  assert.equal(createHmac('sha256', credential.serverKey).update(authMessage).digest('base64'), '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=')
})

test('the first user made is administrator, the second is not', async () => {
  const { users } = store()
  assert.equal(users.hasUsers, false)
  assert.equal(await put(users, 'alice', 'secret'), null)
  assert.equal(await put(users, 'bob', 'other'), null)
  assert.equal(users.hasUsers, true)
  assert.equal(users.principalOf('alice').isAdministrator, true)
  assert.equal(users.principalOf('bob').isAdministrator, false)
})

test('super.users may do everything once they exist', async () => {
  const { users } = store(new StateOnlyLog(), ['carol'])
  await put(users, 'alice', 'a')
  assert.equal(users.principalOf('carol').isAdministrator, false)
  await put(users, 'carol', 'c')
  assert.equal(users.principalOf('carol').isAdministrator, true)
})

test('only the right password of a user that exists is taken', async () => {
  const { users } = store()
  await put(users, 'alice', 'secret')
  assert.equal((await users.checkPassword('alice', 'secret'))?.name, 'User:alice')
  assert.equal(await users.checkPassword('alice', 'Secret'), null)
  assert.equal(await users.checkPassword('alice', ''), null)
  assert.equal(await users.checkPassword('nobody', 'secret'), null)
})

test('a verified password is remembered until the credential changes', async () => {
  const { users } = store()
  await put(users, 'alice', 'secret', 'SCRAM-SHA-256', 16_384)
  await users.checkPassword('alice', 'secret')
  const cpu = process.cpuUsage()
  for (let count = 0; count < 200; count++) assert.notEqual(await users.checkPassword('alice', 'secret'), null)
  const spent = process.cpuUsage(cpu)
  // 200 derivations of 16,384 iterations take over a second of CPU.
  assert.ok(spent.user + spent.system < 300_000, `${spent.user + spent.system} µs`)
  await put(users, 'alice', 'changed')
  assert.equal(await users.checkPassword('alice', 'secret'), null)
  assert.notEqual(await users.checkPassword('alice', 'changed'), null)
})

test('a user with only a SHA-512 credential logs in with its password too', async () => {
  const { users } = store()
  await put(users, 'alice', 'secret', 'SCRAM-SHA-512')
  assert.notEqual(await users.checkPassword('alice', 'secret'), null)
  assert.equal(users.scramCredential('alice', 'SCRAM-SHA-256'), undefined)
  assert.equal(users.scramCredential('alice', 'SCRAM-SHA-512')?.storedKey.length, 64)
})

test('without users anonymous may do everything, with users no longer', async () => {
  const { users } = store()
  assert.equal(users.anonymous.isAdministrator, true)
  await put(users, 'alice', 'a')
  assert.equal(users.anonymous.isAdministrator, false)
})

test('who proved itself by other means is administrator only where super.users or a user of the name says so', async () => {
  const { users } = store(new StateOnlyLog(), ['CN=admin'])
  await put(users, 'alice', 'a')
  assert.equal(users.provenPrincipal('CN=admin')?.isAdministrator, true)
  assert.equal(users.provenPrincipal('alice')?.isAdministrator, true)
  assert.equal(users.provenPrincipal('CN=bob')?.isAdministrator, false)
  assert.equal(users.provenPrincipal('ANONYMOUS'), null, 'nobody proves to be nobody')
})

test('the last administrator cannot be removed, a user goes with its last credential', async () => {
  const { users } = store()
  await put(users, 'alice', 'a')
  await put(users, 'bob', 'b')
  assert.match((await drop(users, 'alice'))?.message ?? '', /last administrator/)
  assert.equal(await drop(users, 'bob'), null)
  assert.deepEqual(
    [...users.users()].map(({ name }) => name),
    ['alice'],
  )
  assert.equal((await drop(users, 'bob'))?.error.name, 'RESOURCE_NOT_FOUND')
})

test('changes of a user are all made or none: what is refused takes no credential along', async () => {
  const { users } = store()
  await put(users, 'alice', 'a')
  await put(users, 'alice', 'a', 'SCRAM-SHA-512')
  const mechanisms = () => [...users.users()].map(({ credentials }) => credentials.map(({ mechanism }) => mechanism))
  const remove = (...wanted: ScramMechanism[]) =>
    new Promise<Failure | null>((resolve) => users.alterCredentials('alice', { put: [], remove: wanted }, resolve))
  assert.match((await remove('SCRAM-SHA-256', 'SCRAM-SHA-512'))?.message ?? '', /last administrator/)
  assert.deepEqual(mechanisms(), [['SCRAM-SHA-256', 'SCRAM-SHA-512']])
  assert.equal(await drop(users, 'alice', 'SCRAM-SHA-512'), null)
  assert.equal((await remove('SCRAM-SHA-256', 'SCRAM-SHA-512'))?.error.name, 'RESOURCE_NOT_FOUND')
  assert.deepEqual(mechanisms(), [['SCRAM-SHA-256']])
})

test('the only credential of the last administrator may change its mechanism in one step', async () => {
  const { users } = store()
  await put(users, 'alice', 'a')
  const salt = systemRandom.bytes(16)
  const credential = credentialOf('SCRAM-SHA-512', await saltPassword('SCRAM-SHA-512', 'a', salt, 4096), salt, 4096)
  const failed = await new Promise((resolve) => users.alterCredentials('alice', { put: [credential], remove: ['SCRAM-SHA-256'] }, resolve))
  assert.equal(failed, null)
  assert.equal(users.scramCredential('alice', 'SCRAM-SHA-256'), undefined)
  assert.equal(users.principalOf('alice').isAdministrator, true)
})

test('names, iterations and the number of users have bounds', async () => {
  const { users } = store()
  assert.match((await put(users, '', 'a'))?.message ?? '', /1 to 255 bytes/)
  assert.match((await put(users, 'a\nb', 'a'))?.message ?? '', /control/)
  assert.match((await put(users, 'ANONYMOUS', 'a'))?.message ?? '', /without a user/)
  assert.match((await put(users, 'a', 'a', 'SCRAM-SHA-256', 4095))?.message ?? '', /4096 to 16384/)
  for (const name of ['a', 'b', 'c']) assert.equal(await put(users, name, name), null)
  assert.match((await put(users, 'd', 'd'))?.message ?? '', /as many as/)
})

test('users survive a restart', async () => {
  const { users, log } = store()
  await put(users, 'alice', 'a')
  await put(users, 'alice', 'a', 'SCRAM-SHA-512')
  await put(users, 'bob', 'b')
  await drop(users, 'bob')
  const again = store().users
  for (const { key, value } of log.records) again.apply(key, value)
  assert.equal(again.principalOf('alice').isAdministrator, true)
  assert.equal([...again.users()].length, 1)
  assert.notEqual(await again.checkPassword('alice', 'a'), null)
  const fromSnapshot = store().users
  for (const [key, value] of again.entries()) fromSnapshot.apply(key, value)
  assert.notEqual(await fromSnapshot.checkPassword('alice', 'a'), null)
})

test('a user that the disk refused is gone again', async () => {
  const { users, log } = store()
  log.failing = true
  assert.equal((await put(users, 'alice', 'a'))?.error.name, 'KAFKA_STORAGE_ERROR')
  assert.equal(users.hasUsers, false)
})

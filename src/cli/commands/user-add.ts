import { MAX_ITERATIONS, MIN_ITERATIONS, SCRAM_MECHANISMS, saltPassword } from '../../broker/security/scram.ts'
import { systemRandom } from '../../runtime/random.ts'
import { defineCommand, EXIT, flag, usageError, whole, word } from '../command.ts'
import { BROKER_OPTIONS, connectKafka, firstLine } from '../connect.ts'
import { KafkaClient, type SaltedCredential } from '../kafka-client/client.ts'
import { printJson, tell } from '../output.ts'
import { readPassword } from '../password.ts'

const SALT_BYTES = 24

export const command = defineCommand({
  description:
    'Makes a user, or gives it another password, through the running broker. The first user made is administrator; others may do nothing until granted\n' +
    '(the setting super.users). From the first user on every listener wants a password. The new password is typed, or the first line of stdin or of a\n' +
    'file: never an argument, which others on the machine could see. The broker gets salted keys (SCRAM), never the password.',
  arguments: [{ name: 'name', doc: 'The user: for Kafka’s SASL PLAIN and SCRAM and for MQTT alike.' }],
  options: {
    ...BROKER_OPTIONS,
    newPasswordFile: word('--new-password-file <file>', 'A file whose first line is the new password.'),
    iterations: whole('--iterations <number>', `How much work a guess costs, ${MIN_ITERATIONS} to ${MAX_ITERATIONS}; every login costs the broker as much.`, {
      min: MIN_ITERATIONS,
      max: MAX_ITERATIONS,
    }),
    json: flag('--json', 'Print the user as JSON.'),
  },
  examples: [
    { command: 'elytra user add alice', what: 'asks for the password' },
    { command: 'elytra user add alice < password.txt', what: 'the first line of a file' },
    { command: 'elytra user add bob --user alice --password-file alice.txt --new-password-file bob.txt', what: 'a second user, by the administrator' },
  ],
  run: async (io, [name = ''], options) => {
    if (options.user !== undefined && options.passwordFile === undefined && io.environment.ELYTRA_PASSWORD === undefined && io.stdin.isTTY !== true) {
      throw usageError('stdin brings the new password; that of --user must come from --password-file or ELYTRA_PASSWORD')
    }
    await using connection = await connectKafka(io, options)
    const password = options.newPasswordFile === undefined ? await readPassword(io, `New password of ${name}: `) : firstLine(options.newPasswordFile)
    if (password === '') throw usageError('the new password is empty')
    const credentials = await saltAll(password, options.iterations ?? MIN_ITERATIONS)
    await new KafkaClient(connection).putUser(name, credentials)
    if (options.json) printJson(io, { user: name, mechanisms: SCRAM_MECHANISMS })
    else tell(io, `user ${name} has this password now`)
    return EXIT.ok
  },
})

async function saltAll(password: string, iterations: number): Promise<SaltedCredential[]> {
  const credentials: SaltedCredential[] = []
  for (const mechanism of SCRAM_MECHANISMS) {
    const salt = systemRandom.bytes(SALT_BYTES)
    credentials.push({ mechanism, iterations, salt, saltedPassword: await saltPassword(mechanism, password, salt, iterations) })
  }
  return credentials
}

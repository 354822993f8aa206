import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { type CommandIo, usageError } from './command.ts'

/** A password: typed without an echo at a terminal, else the first line of stdin. Never an argument: `ps` shows those to everybody. */
export async function readPassword(io: CommandIo, prompt: string): Promise<string> {
  const atTerminal = io.stdin.isTTY === true
  if (atTerminal) io.stderr.write(prompt)
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: io.stdin, output: nowhere, terminal: atTerminal })
  const password = await new Promise<string | undefined>((resolve) => {
    lines.once('line', resolve)
    lines.once('close', () => resolve(undefined))
    io.stop.addEventListener('abort', () => resolve(undefined), { once: true })
  })
  lines.close()
  if (atTerminal) io.stderr.write('\n')
  if (password === undefined || password === '') throw usageError('no password was given: it is read from stdin')
  return password
}

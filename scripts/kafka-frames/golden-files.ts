import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Golden bytes: lines of 32 bytes as hex. */
const BYTES_PER_LINE = 32

export async function writeGolden(file: string, bytes: Uint8Array): Promise<void> {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += BYTES_PER_LINE) lines.push(Buffer.from(bytes.subarray(at, at + BYTES_PER_LINE)).toString('hex'))
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, `${lines.join('\n')}\n`)
}

export async function readGolden(file: string): Promise<Buffer> {
  return Buffer.from((await readFile(file, 'utf8')).replaceAll(/\s/g, ''), 'hex')
}

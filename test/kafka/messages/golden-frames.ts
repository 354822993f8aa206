import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readGolden } from '../../../scripts/kafka-frames/golden-files.ts'
import { allMessages } from '../../../scripts/kafka-messages/tables.ts'
import type { Message } from '../../../src/kafka/wire/message.ts'

/** One recorded frame of test/golden/kafka, without its size. */
export interface GoldenFrame {
  readonly file: string
  readonly message: Message
  readonly version: number
  readonly isRequest: boolean
  readonly bytes: Buffer
}

export const goldenDir = resolve(import.meta.dirname, '../../golden/kafka')

/** All of them; the file names say what they are. */
export async function goldenFrames(): Promise<readonly GoldenFrame[]> {
  const tables = new Map((await allMessages()).map((table) => [table.name, table]))
  const frames: GoldenFrame[] = []
  for (const file of readdirSync(goldenDir).sort()) {
    const match = /^(\w+)-v(\d+)-(request|response)\./.exec(file)
    if (match === null) continue
    const isRequest = match[3] === 'request'
    const message = tables.get(`${match[1]}${isRequest ? 'Request' : 'Response'}`)
    if (message === undefined) throw new Error(`${file} belongs to no table`)
    frames.push({ file, message, version: Number(match[2]), isRequest, bytes: await readGolden(join(goldenDir, file)) })
  }
  return frames
}

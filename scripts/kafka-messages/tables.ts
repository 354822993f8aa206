import { readdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Message } from '../../src/kafka/wire/message.ts'

const folder = resolve(import.meta.dirname, '../../src/kafka/messages')

/** Every table that src/kafka/messages exports, by key, request before response. */
export async function allMessages(): Promise<readonly Message[]> {
  const found: Message[] = []
  for (const file of (await readdir(folder)).sort()) {
    const exported: Record<string, unknown> = await import(pathToFileURL(join(folder, file)).href)
    found.push(...Object.values(exported).filter(isMessage))
  }
  return found.sort((left, right) => left.key - right.key || left.name.localeCompare(right.name))
}

function isMessage(value: unknown): value is Message {
  return typeof value === 'object' && value !== null && 'shape' in value && 'versions' in value && 'codecs' in value
}

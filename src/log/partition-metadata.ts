import { crc32c } from '../util/crc32c.ts'
import { isUuid } from '../util/uuid.ts'

/** Kafka's `partition.metadata`: which topic a folder belongs to. A third line, which Kafka does not read, tells a damaged one. */
export function metadataPath(folder: string): string {
  return `${folder}/partition.metadata`
}

export function formatMetadata(topicId: string): string {
  const text = `version: 0\ntopic_id: ${topicId}\n`
  return `${text}crc: ${checksum(text)}\n`
}

/** The topic id; null where the file is not there or was never written to its end, `damaged` where it is not what was written. */
export function parseMetadata(text: string | null): string | null {
  if (text === null || text === '') return null
  const [, content = '', topicId = '', crc = null] = /^(version: 0\ntopic_id: (\S+)\n?)(?:crc: (\S+)\n)?$/.exec(text) ?? []
  return !isUuid(topicId) || (crc !== null && crc !== checksum(content)) ? DAMAGED : topicId
}

/** No topic has this id. */
const DAMAGED = 'damaged'

function checksum(text: string): string {
  return crc32c(Buffer.from(text)).toString(16)
}

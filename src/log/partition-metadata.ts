/** Kafka's `partition.metadata`: which topic a folder belongs to. */
export function metadataPath(folder: string): string {
  return `${folder}/partition.metadata`
}

export function formatMetadata(topicId: string): string {
  return `version: 0\ntopic_id: ${topicId}`
}

/** Null where the text does not say. */
export function parseMetadata(text: string | null): string | null {
  return /^topic_id: (\S+)$/m.exec(text ?? '')?.[1] ?? null
}

const LEGAL = /^[a-zA-Z0-9._-]+$/

/** Null where `name` is a legal Kafka topic name, else what is wrong with it. */
export function checkTopicName(name: string): string | null {
  if (name === '') return 'a topic name must not be empty'
  if (name === '.' || name === '..') return `a topic must not be named "${name}"`
  if (name.length > 249) return `a topic name has at most 249 characters, this one ${name.length}`
  if (!LEGAL.test(name)) return `topic name ${JSON.stringify(name)} has a character other than a-z, A-Z, 0-9, ".", "_" and "-"`
  return null
}

/** Names beginning `__` belong to the broker: no client writes to them, no MQTT client sees them. */
export function isInternalTopic(name: string): boolean {
  return name.startsWith('__')
}

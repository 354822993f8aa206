import { KAFKA_APIS } from '../../src/kafka/apis.ts'
import { KIPS } from './kips.ts'

/** docs/reference/kafka-apis.md: what ApiVersions answers, with names. */
export function printApisPage(): string {
  const rows = KAFKA_APIS.ranges.map(({ apiKey, minVersion, maxVersion }) => {
    const api = KAFKA_APIS.get(apiKey)
    const [first, last] = api?.serves ?? [minVersion, maxVersion]
    const told = first === minVersion && last === maxVersion ? '' : `told to clients: ${minVersion} to ${maxVersion}`
    return `| ${apiKey} | ${api?.name} | ${first} to ${last} | ${told} |`
  })
  return `# Kafka APIs

Printed from src/kafka/apis.ts and scripts/docs/kips.ts by \`npm run docs\`; do not edit. Versions are those of Apache Kafka's message specifications.

| Key | API | Served | |
|---|---|---|---|
${rows.join('\n')}

An API that is not here is not told to clients, and a request for it closes the connection, as in Kafka. Left out for good: what brokers and
controllers say to each other, telemetry of clients (71, 72), groups of Kafka Streams (88, 89).

## Improvement proposals

| KIP | | Where |
|---|---|---|
${KIPS.map(([number, title, where]) => `| ${number} | ${title} | ${where} |`).join('\n')}
`
}

import { environmentName, SETTING_KEYS, type SettingKey, settingOf } from './settings.ts'

/** docs/reference/configuration.md. */
export function printConfigurationPage(): string {
  const rows = SETTING_KEYS.map((key) => {
    const { type, unit, doc, flag } = settingOf(key)
    const kind = [type.name, unit === null ? '' : ` (${unit})`, type.range === '' ? '' : `; ${type.range}`].join('')
    const flagged = flag === null ? '' : `<br>\`--${flag.name} ${flag.placeholder}\``
    return `| \`${key}\`${flagged} | ${escapeCell(kind)} | \`${escapeCell(printDefault(key))}\` | ${escapeCell(doc)} |`
  })
  return `# Settings

Printed from src/config/settings.ts by \`npm run docs\`; do not edit.

Every setting has a default. One that is given comes, the later winning over the earlier, from

1. a YAML file (\`--config FILE\`, or the variable \`ELYTRA_CONFIG\`): keys with dots, or nested;
2. the environment: \`num.partitions\` is \`${environmentName('num.partitions')}\`;
3. the flags of \`elytra start\`: \`--set num.partitions=12\` for any setting, and those named below;
4. an embedding program: \`startBroker({ settings: { 'num.partitions': 12 } })\`.

A key that does not exist, a value that is not legal, and values that contradict one another stop the start, all named at once,
with file and line. Names are Kafka's where Kafka has the setting. docs/reference/settings.schema.json is a JSON schema for editors.

| Setting | Type | Default | Meaning |
|---|---|---|---|
${rows.join('\n')}
`
}

/** docs/reference/settings.schema.json: for YAML files whose keys have dots. */
export function printJsonSchema(): string {
  const properties = Object.fromEntries(
    SETTING_KEYS.map((key) => {
      const { type, doc } = settingOf(key)
      return [key, { ...type.schema, description: doc, default: schemaDefault(key) }]
    }),
  )
  const schema = { $schema: 'https://json-schema.org/draft/2020-12/schema', title: 'Elytra settings', type: 'object', properties, additionalProperties: false }
  return `${JSON.stringify(schema, null, 2)}\n`
}

function printDefault(key: SettingKey): string {
  const { type, default: fallback } = settingOf(key)
  return type.print(fallback) || ' '
}

function schemaDefault(key: SettingKey): unknown {
  const { type, default: fallback } = settingOf(key)
  return type.name === 'int' || type.name === 'boolean' || type.name === 'rules' ? fallback : type.print(fallback)
}

function escapeCell(words: string): string {
  return words.replaceAll('|', '\\|')
}

import { EXIT } from './command.ts'
import { helpOfCommand } from './help.ts'
import { VERBS } from './verbs.ts'

/** docs/reference/command-line.md: the help of every command. */
export async function printCommandLinePage(): Promise<string> {
  const sections = await Promise.all(
    VERBS.map(async (verb) => {
      const { command } = await verb.load()
      return `## elytra ${verb.words}\n\n\`\`\`text\n${helpOfCommand(verb, command)}\`\`\`\n`
    }),
  )
  return `# The command line

Printed from src/cli/commands by \`npm run docs\`; do not edit.

Data goes to stdout, words to stderr; \`--json\` prints JSON lines. What \`consume\` prints, \`produce\` reads; what \`sub\` prints, \`pub\` reads.
Colours only at a terminal, and not where \`NO_COLOR\` is set.

| Exit code | Meaning |
|---|---|
| ${EXIT.ok} | done; also \`consume\` and \`sub\` that were stopped |
| ${EXIT.failed} | the broker refused, or could not be reached, or something was not found |
| ${EXIT.usage} | the command line, a setting or the input was not understood |

${sections.join('\n')}`
}

import { readFile, writeFile } from 'node:fs/promises'
import { printCommandLinePage } from '../../src/cli/print-docs.ts'
import { printConfigurationPage, printJsonSchema } from '../../src/config/print-docs.ts'
import { printApisPage } from './apis-page.ts'

/**
 * Prints the pages of docs/reference from the tables they describe:
 *
 *     node scripts/docs/print.ts            writes them
 *     node scripts/docs/print.ts --check    fails where one differs
 */
export const PAGES: readonly { readonly path: string; print(): string | Promise<string> }[] = [
  { path: 'docs/reference/configuration.md', print: printConfigurationPage },
  { path: 'docs/reference/settings.schema.json', print: printJsonSchema },
  { path: 'docs/reference/command-line.md', print: printCommandLinePage },
  { path: 'docs/reference/kafka-apis.md', print: printApisPage },
]

/** The pages that are not what their tables say. */
export async function driftedPages(): Promise<string[]> {
  const drifted: string[] = []
  for (const { path, print } of PAGES) {
    const there = await readFile(new URL(path, ROOT), 'utf8').catch(() => '')
    if (there !== (await print())) drifted.push(path)
  }
  return drifted
}

const ROOT = new URL('../../', import.meta.url)

if (import.meta.main) {
  if (process.argv.includes('--check')) {
    const drifted = await driftedPages()
    for (const path of drifted) console.error(`${path} is not what its table says: npm run docs`)
    process.exitCode = drifted.length === 0 ? 0 : 1
  } else {
    for (const { path, print } of PAGES) await writeFile(new URL(path, ROOT), await print())
  }
}

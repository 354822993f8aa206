import { parseArgs } from 'node:util'
import { storeFind } from '../test/fuzz/lib/finds.ts'
import { type Finding, runSeed } from '../test/fuzz/lib/run.ts'
import { TARGETS } from '../test/fuzz/targets/index.ts'

const HELP = `Feeds the readers of foreign bytes with valid input and with damaged variants of it, and checks what they make of it.

  npm run fuzz                                  every target for a few hundred seeds
  npm run fuzz -- --target NAME --count 1000    fresh seeds of one target
  npm run fuzz -- --target NAME --seed 42       one seed; prints the smallest input that fails
  npm run fuzz -- --for 60                      fresh seeds of every target, a minute in all

  --from N     the first seed of --count and --for (the time of day)
  --cases N    go on until this many inputs were checked
  --keep NAME  keep the first failing input of --seed as test/fuzz/finds/TARGET/NAME.json
  --all        go on after a failure, and count

targets:
${TARGETS.map(({ name, about }) => `  ${name.padEnd(18)} ${about}`).join('\n')}`

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    seed: { type: 'string' },
    count: { type: 'string' },
    cases: { type: 'string' },
    for: { type: 'string' },
    from: { type: 'string' },
    keep: { type: 'string' },
    all: { type: 'boolean' },
    help: { type: 'boolean' },
  },
})

const DEFAULT_COUNT = 200
/** Bytes of the smallest input that are printed. */
const SHOWN_BYTES = 400

if (values.help) console.log(HELP)
else process.exitCode = await run()

async function run(): Promise<number> {
  const targets = values.target === undefined ? TARGETS : TARGETS.filter(({ name }) => name === values.target)
  if (targets.length === 0) throw new Error(`there is no target ${values.target}: ${TARGETS.map(({ name }) => name).join(', ')}`)
  let failed = 0
  for (const target of targets) {
    const began = performance.now()
    const mostMs = values.for === undefined ? Number.POSITIVE_INFINITY : (Number(values.for) * 1000) / targets.length
    let cases = 0
    let failures = 0
    let last = 0
    const first = Number(values.seed ?? values.from ?? Date.now())
    const most = Number(values.cases ?? Number.POSITIVE_INFINITY)
    const bounded = values.cases !== undefined || values.for !== undefined
    const count = values.seed === undefined ? Number(values.count ?? (bounded ? Number.POSITIVE_INFINITY : DEFAULT_COUNT)) : 1
    for (let seed = first; seed < first + count && cases < most && performance.now() - began < mostMs; seed++) {
      last = seed
      const result = await runSeed(target, seed)
      cases += result.cases
      const [finding] = result.findings
      if (finding === undefined) continue
      failures++
      describe(finding)
      if (values.keep !== undefined) console.log(`kept in ${storeFind(finding, values.keep)}`)
      if (!values.all) break
    }
    if (failures > 0) failed++
    console.log(`${target.name}: ${cases} inputs, seeds ${first} to ${last}, ${((performance.now() - began) / 1000).toFixed(1)} s, ${failures} failures`)
  }
  return failed === 0 ? 0 : 1
}

function describe(finding: Finding): void {
  console.log(`${finding.target} seed ${finding.seed}: FAILED\n${finding.message.split('\n').slice(0, 12).join('\n')}`)
  const { paths, ...meta } = finding.meta
  console.log(`  meta ${JSON.stringify(meta)}`)
  for (const mutation of finding.mutations) {
    const file = Array.isArray(paths) && 'part' in mutation ? ` ${paths[mutation.part]}` : ''
    console.log(`  ${JSON.stringify(mutation)}${file}`)
  }
  if (paths !== undefined) return
  for (const [index, part] of finding.parts.entries()) {
    if (part.length > 0) console.log(`  part ${index}, ${part.length} bytes: ${part.toString('hex', 0, SHOWN_BYTES)}${part.length > SHOWN_BYTES ? '…' : ''}`)
  }
}

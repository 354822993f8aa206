import { parseArgs } from 'node:util'
import { parseFaults } from '../test/simulation/fault-schedule.ts'
import { PLANTED_FAULTS } from '../test/simulation/planted-faults.ts'
import { type RunResult, runSeed } from '../test/simulation/run-seed.ts'

const HELP = `Runs the whole broker, with its clients, its disk and its network, in simulated time: the same seed, the same run.

  npm run sim -- --seed 42              one run; says what it found and the last of its trace
  npm run sim -- --seed 42 --trace      the same, printing everything that happens
  npm run sim -- --count 100            a hundred fresh seeds; prints what fails with its seed
  npm run sim -- --planted              plants faults one after the other and counts the seeds until each is found

  --seconds N   simulated seconds of faults per run (20)
  --steps N     end after so many happenings
  --from N      the first seed of --count (the time of day) and of --planted (1)
  --plant NAME  with a planted fault
  --workloads A,B,…  exactly these workloads; otherwise the seed takes some`

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    count: { type: 'string' },
    from: { type: 'string' },
    seconds: { type: 'string' },
    steps: { type: 'string' },
    plant: { type: 'string' },
    workloads: { type: 'string' },
    faults: { type: 'string' },
    variation: { type: 'string' },
    planted: { type: 'boolean' },
    trace: { type: 'boolean' },
    help: { type: 'boolean' },
  },
})

/** Seeds that a planted fault may take before it counts as not found. */
const PLANTED_SEEDS = 50
const SHOWN_LINES = 60

if (values.help) console.log(HELP)
else if (values.planted) process.exitCode = await runPlanted()
else if (values.seed !== undefined) process.exitCode = await runOne(Number(values.seed))
else process.exitCode = await runMany(Number(values.count ?? 10))

function options() {
  const planted = values.plant === undefined ? undefined : PLANTED_FAULTS[values.plant]
  if (values.plant !== undefined && planted === undefined)
    throw new Error(`there is no planted fault ${values.plant}: ${Object.keys(PLANTED_FAULTS).join(', ')}`)
  return {
    seconds: Number(values.seconds ?? 20),
    print: values.trace ?? false,
    ...(values.workloads === undefined ? {} : { workloads: values.workloads.split(',') }),
    ...(values.faults === undefined ? {} : { faults: parseFaults(values.faults) }),
    ...(values.variation === undefined ? {} : { variation: Number(values.variation) }),
    ...(values.steps === undefined ? {} : { steps: Number(values.steps) }),
    ...(planted === undefined ? {} : { planted }),
  }
}

async function runOne(seed: number): Promise<number> {
  const result = await runSeed(seed, options())
  if (result.violations.length > 0 && !values.trace) for (const line of result.trace.slice(-SHOWN_LINES)) console.log(line.slice(0, 300))
  describe(result)
  return result.violations.length === 0 ? 0 : 1
}

async function runMany(count: number): Promise<number> {
  const first = values.from === undefined ? Date.now() : Number(values.from)
  const totals = new Map<string, number>()
  let simulatedMs = 0
  let failed = 0
  for (let i = 0; i < count; i++) {
    const result = await runSeed(first + i, options())
    simulatedMs += result.simulatedMs
    for (const [what, times] of result.counts) totals.set(what, (totals.get(what) ?? 0) + times)
    if (result.violations.length === 0) continue
    failed++
    describe(result)
  }
  console.log(
    [...totals]
      .sort()
      .map(([what, times]) => `${what}: ${times}`)
      .join(', '),
  )
  console.log(`${count} seeds from ${first}, ${(simulatedMs / 3_600_000).toFixed(2)} simulated hours, ${failed} failed`)
  return failed === 0 ? 0 : 1
}

function describe(result: RunResult): void {
  const verdict = result.violations.length === 0 ? 'nothing found' : 'FAILED'
  console.log(
    `seed ${result.seed}: ${verdict} (${result.steps} steps, ${(result.simulatedMs / 1000).toFixed(1)} s, trace ${result.traceHash.slice(0, 16)}; ${result.cast.join(', ')})`,
  )
  for (const violation of result.violations.slice(0, 3)) console.log(`  ${violation}`)
}

async function runPlanted(): Promise<number> {
  const first = values.from === undefined ? 1 : Number(values.from)
  let missed = 0
  for (const [name, planted] of Object.entries(PLANTED_FAULTS)) {
    let found: RunResult | null = null
    let seeds = 0
    while (found === null && seeds < PLANTED_SEEDS) {
      const result = await runSeed(first + seeds++, { ...options(), planted })
      if (result.violations.length > 0) found = result
    }
    if (found === null) missed++
    console.log(`| ${name} | ${found === null ? `not found in ${seeds}` : seeds} | ${found?.violations[0]?.slice(0, 160) ?? ''} |`)
  }
  return missed === 0 ? 0 : 1
}

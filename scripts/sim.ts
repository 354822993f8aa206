import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { KNOWN_SEEDS } from '../test/simulation/known-seeds.ts'
import type { Job } from './sim/job.ts'
import { runPlanted } from './sim/planted.ts'
import { isLost, runJobs } from './sim/pool.ts'
import { describe, progress, Totals } from './sim/report.ts'

const HELP = `Runs the whole broker, with its clients, its disk and its network, in simulated time: the same seed, the same run.

  npm run sim -- --seed 42              one run; says what it found, and the smallest run that fails so
  npm run sim -- --seed 42 --trace      the same, printing everything that happens
  npm run sim -- --count 100            a hundred fresh seeds; prints what fails with its seed
  npm run sim -- --for 120              fresh seeds for so many seconds of wall-clock time
  npm run sim -- --known                the runs that once found something
  npm run sim -- --planted              plants faults one after the other and counts the seeds until each is found;
                                        with --for some of them, others every minute

  --seconds N   simulated seconds of faults per run (20)
  --steps N     end after so many happenings
  --from N      the first seed of --count (the time of day) and of --planted (1)
  --jobs N      how many processes (the cores, less one)
  --plant NAME  with a planted fault; with --planted only these, A,B,…
  --workloads A,B,…    exactly these workloads; otherwise the seed takes some
  --faults A@MS#N,…    exactly these faults, each with its moment and its own seed, or none; otherwise the seed takes some
  --variation N        the same workloads and faults in another interleaving (0)
  --until-failure      ends with the first that fails
  --no-minimise        does not look for the smallest run that fails
  --minimise-for N     seconds of wall-clock time for that (60)`

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    count: { type: 'string' },
    for: { type: 'string' },
    from: { type: 'string' },
    jobs: { type: 'string' },
    seconds: { type: 'string' },
    steps: { type: 'string' },
    plant: { type: 'string' },
    workloads: { type: 'string' },
    faults: { type: 'string' },
    variation: { type: 'string' },
    minimise: { type: 'boolean', default: true },
    'minimise-for': { type: 'string' },
    'until-failure': { type: 'boolean' },
    known: { type: 'boolean' },
    planted: { type: 'boolean' },
    trace: { type: 'boolean' },
    help: { type: 'boolean' },
  },
  allowNegative: true,
})

const DEFAULT_COUNT = 10

process.exitCode = await main()

async function main(): Promise<number> {
  if (values.help) {
    console.log(HELP)
    return 0
  }
  const processes = Number(values.jobs ?? Math.max(1, availableParallelism() - 1))
  if (values.planted) return playPlanted(processes)
  if (values.known) return runMany(processes, knownJobs())
  if (values.seed !== undefined) return runOne({ ...jobBase(), seed: Number(values.seed) })
  return runMany(processes, freshJobs())
}

async function playPlanted(processes: number): Promise<number> {
  const forMs = values.for === undefined ? null : Number(values.for) * 1000
  const missed = await runPlanted(jobBase(), { first: Number(values.from ?? 1), processes, plants: values.plant?.split(',') ?? null, forMs })
  console.log(missed === 0 ? 'every planted fault was found in time' : `${missed} planted faults were not found in time`)
  return missed === 0 ? 0 : 1
}

function jobBase(): Omit<Job, 'seed'> {
  return {
    seconds: Number(values.seconds ?? 20),
    variation: Number(values.variation ?? 0),
    minimiseMs: values.minimise ? Number(values['minimise-for'] ?? 60) * 1000 : 0,
    ...(values.workloads === undefined ? {} : { workloads: values.workloads.split(',') }),
    ...(values.faults === undefined ? {} : { faults: values.faults }),
    ...(values.steps === undefined ? {} : { steps: Number(values.steps) }),
    ...(values.plant === undefined ? {} : { plant: values.plant }),
  }
}

async function runOne(job: Job): Promise<number> {
  const jobs = [values.trace ? { ...job, minimiseMs: 0, print: true } : job]
  let failed = false
  await runJobs(
    1,
    () => jobs.pop(),
    (outcome) => {
      failed = isLost(outcome) || outcome.violations.length > 0
      describe(outcome)
    },
  )
  return failed ? 1 : 0
}

/** Until the count is reached or the time is over, whichever was asked for. */
function* freshJobs(): Generator<Job> {
  const first = Number(values.from ?? Date.now())
  const untilMs = values.for === undefined ? Number.POSITIVE_INFINITY : performance.now() + Number(values.for) * 1000
  const count = Number(values.count ?? (values.for === undefined ? DEFAULT_COUNT : Number.POSITIVE_INFINITY))
  console.log(`seeds from ${first}`)
  for (let i = 0; i < count && performance.now() < untilMs; i++) yield { ...jobBase(), seed: first + i }
}

function* knownJobs(): Generator<Job> {
  for (const { replay } of KNOWN_SEEDS) yield { ...jobBase(), variation: 0, ...replay }
}

async function runMany(processes: number, jobs: Generator<Job>): Promise<number> {
  const totals = new Totals()
  const next = (): Job | undefined => {
    if (values['until-failure'] && totals.failed > 0) return undefined
    const { value, done } = jobs.next()
    return done ? undefined : value
  }
  await runJobs(processes, next, (outcome) => {
    totals.add(outcome)
    if (isLost(outcome) || outcome.violations.length > 0) {
      progress('')
      describe(outcome)
    }
    progress(totals.line)
  })
  progress('')
  totals.printCounts()
  console.log(totals.line)
  return totals.failed === 0 ? 0 : 1
}

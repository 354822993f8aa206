import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { SimulatedDisk } from '../../src/testing/simulated-disk.ts'
import { SimulatedTime } from '../../src/testing/simulated-time.ts'

/** A disk in simulated time on which every call takes a millisecond and none fails, until a test says so in `faults`. */
export function steadyDisk(seed: number) {
  const time = new SimulatedTime({
    turnMs: () => 0,
    onCrash: (_owner, error) => {
      throw error
    },
  })
  const faults = {
    latencyMs: () => 1,
    syncMs: () => 1,
    syncFailure: 0,
    readFailure: 0,
    shortTransfer: 0,
    capacityBytes: Number.POSITIVE_INFINITY,
    lies: new Set<never>(),
  }
  return { time, faults, disk: new SimulatedDisk(new SeededRandom(seed), faults) }
}

import type { SeededRandom } from '../../src/testing/seeded-random.ts'
import { flipBit, misdirectWrite } from './damage-faults.ts'
import { failingReads, shortTransfers } from './disk-faults.ts'
import { cutInWrite, delayConnection, dropConnection, halfClose, stallConnection, stopReading } from './network-faults.ts'
import type { World } from './world.ts'

/** Something that goes wrong. It draws from its own random source only: leaving one fault out does not change the others. */
export type Fault = (world: World, random: SeededRandom) => void

/** Everything works again; called once, after the last fault. */
export function heal(world: World): void {
  const { faults } = world.disk
  // Whatever failed, somebody starts the broker again.
  if (world.broker.alive && world.diskFails) world.crash(world.random.pick(['kill', 'power']))
  world.diskFails = false
  faults.syncFailure = 0
  faults.readFailure = 0
  faults.shortTransfer = 0
  faults.capacityBytes = Number.POSITIVE_INFINITY
}

const kill: Fault = (world, random) => {
  world.crash('kill')
  restart(world, random)
}

const powerLoss: Fault = (world, random) => {
  world.crash('power')
  restart(world, random)
}

const stop: Fault = (world, random) => {
  if (!world.up || world.disk.faults.syncFailure > 0) return
  const { broker } = world
  world.stop().then(
    () => {
      if (world.broker === broker) restart(world, random)
    },
    (error: unknown) => world.violate(`closing failed: ${String(error)}`),
  )
}

const pause: Fault = (world, random) => {
  world.broker.pause(random.below(random.chance(0.2) ? 15_000 : 500))
  world.count('pauses')
}

const jump: Fault = (world, random) => {
  world.time.jump(random.pick([-3_600_000, -1_000, 1_000, 3_600_000]))
  world.count('clock jumps')
}

/** Syncs take long for a while: everybody waits, nothing else happens. */
const slowDisk: Fault = (world, random) => {
  const slownessMs = random.below(700)
  world.slowSyncMs += slownessMs
  world.time.after(random.below(3_000), null, () => {
    world.slowSyncMs -= slownessMs
  })
  world.count('slow disk')
}

/** A sync answers EIO: the broker may refuse everything from then on; the operator starts it, or the machine, again. */
const failingDisk: Fault = (world, random) => {
  const { time, disk } = world
  if (world.diskFails) return
  beginDiskFault(world)
  disk.faults.syncFailure = random.pick([0.1, 0.5, 1])
  world.count('failing syncs')
  time.after(random.below(3_000), null, () => {
    if (world.stopping) return
    world.crash(random.pick(['kill', 'power']))
    disk.faults.syncFailure = 0
    restart(world, random)
    world.diskFails = false
  })
}

/** No room for a while. What is refused then is tried again by the clients; then there is room, and the operator starts the broker again. */
const fullDisk: Fault = (world, random) => {
  const { time, disk } = world
  if (world.diskFails) return
  beginDiskFault(world)
  disk.faults.capacityBytes = disk.usedBytes + random.below(20_000)
  world.count('full disk')
  time.after(random.below(4_000), null, () => {
    disk.faults.capacityBytes = Number.POSITIVE_INFINITY
    world.trace('disk', 'has room again')
    time.after(random.below(1_500), null, () => {
      if (world.stopping) return
      world.crash(random.pick(['kill', 'power']))
      restart(world, random)
      world.diskFails = false
    })
  })
}

function beginDiskFault(world: World): void {
  world.diskFails = true
  world.diskFaults++
  world.trace('disk', 'begins to fail')
  for (const told of world.onCrash) told('power')
}

/** Bytes at rest are damaged in runs of their own kind: once or twice, whatever else goes wrong (fault-schedule.ts). */
export const DAMAGE = 0

/** What may go wrong, and how often beside the others. */
export const FAULTS: Readonly<Record<string, { readonly weight: number; readonly run: Fault }>> = {
  kill: { weight: 2, run: kill },
  'power-loss': { weight: 2, run: powerLoss },
  stop: { weight: 1, run: stop },
  'drop-connection': { weight: 3, run: dropConnection },
  'stall-connection': { weight: 2, run: stallConnection },
  'half-close': { weight: 2, run: halfClose },
  'delay-connection': { weight: 1, run: delayConnection },
  'cut-in-write': { weight: 2, run: cutInWrite },
  'stop-reading': { weight: 1, run: stopReading },
  pause: { weight: 1, run: pause },
  'clock-jump': { weight: 1, run: jump },
  'slow-disk': { weight: 1, run: slowDisk },
  'failing-disk': { weight: 1, run: failingDisk },
  'full-disk': { weight: 1, run: fullDisk },
  'failing-reads': { weight: 1, run: failingReads },
  'short-transfers': { weight: 1, run: shortTransfers },
  'bit-flip': { weight: DAMAGE, run: flipBit },
  'misdirected-write': { weight: DAMAGE, run: misdirectWrite },
}

/** Comes up again after a while, and now and then goes down again before it is up. */
function restart(world: World, random: SeededRandom): void {
  const { time } = world
  time.after(random.fraction() * 300, null, () => {
    if (world.broker.alive) return
    world.start()
    if (!random.chance(0.3)) return
    time.after(random.fraction() * 10, null, () => {
      if (world.up || !world.broker.alive) return
      world.crash(random.pick(['kill', 'power']))
      restart(world, random)
    })
  })
}

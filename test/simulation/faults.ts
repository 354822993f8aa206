import type { SeededRandom } from '../../src/testing/seeded-random.ts'
import type { World } from './world.ts'

/** Lets things go wrong at random moments until `untilMs`; `end` makes peace. */
export function scheduleFaults(world: World, untilMs: number): { end(): void } {
  const { random, time } = world
  let ended = false
  const rate = random.pick([0.3, 1, 3])
  const faults = faultsOf(random.fork())
  const next = (): void => {
    time.after((random.fraction() * 4_000) / rate, null, () => {
      if (ended || time.nowMs >= untilMs) return
      random.pick(faults)(world)
      next()
    })
  }
  next()
  return {
    end: () => {
      ended = true
      heal(world)
      if (!world.broker.alive) world.start()
    },
  }
}

function heal(world: World): void {
  const { faults } = world.disk
  if (world.diskFails) world.crash('power')
  world.diskFails = false
  faults.syncFailure = 0
  faults.readFailure = 0
  faults.capacityBytes = Number.POSITIVE_INFINITY
}

type Fault = (world: World) => void

const kill: Fault = (world) => {
  // After a failed sync the page cache says what the disk does not hold: known, and left out (docs/internals/simulation.md).
  world.crash(world.disk.faults.syncFailure > 0 ? 'power' : 'kill')
  restart(world)
}

const powerLoss: Fault = (world) => {
  world.crash('power')
  restart(world)
}

const stop: Fault = (world) => {
  if (!world.up || world.disk.faults.syncFailure > 0) return
  const { broker } = world
  world.stop().then(
    () => {
      if (world.broker === broker) restart(world)
    },
    (error: unknown) => world.violate(`closing failed: ${String(error)}`),
  )
}

const dropConnection: Fault = (world) => {
  const { random } = world
  const sockets = world.network.socketsOf(world.clients)
  if (sockets.length > 0) random.pick(sockets).break(random.fraction() * 20, random.fraction() * 200)
  world.count('connections cut')
}

const stallConnection: Fault = (world) => {
  const { random } = world
  const sockets = world.network.socketsOf(random.chance(0.5) ? world.clients : world.broker)
  if (sockets.length > 0) random.pick(sockets).stall(random.below(3_000))
  world.count('connections stalled')
}

const pause: Fault = (world) => {
  world.broker.pause(world.random.below(world.random.chance(0.2) ? 15_000 : 500))
  world.count('pauses')
}

const jump: Fault = (world) => {
  world.time.jump(world.random.pick([-3_600_000, -1_000, 1_000, 3_600_000]))
  world.count('clock jumps')
}

/** Syncs take long for a while: everybody waits, nothing else happens. */
const slowDisk: Fault = (world) => {
  const { random, time, disk } = world
  const { syncMs } = disk.faults
  const slowness = random.below(700)
  disk.faults.syncMs = () => syncMs() + slowness
  time.after(random.below(3_000), null, () => {
    disk.faults.syncMs = syncMs
  })
  world.count('slow disk')
}

/** A sync answers EIO: the broker may refuse everything from then on; the operator starts the machine again. */
const failingDisk: Fault = (world) => {
  const { random, time, disk } = world
  if (world.diskFails) return
  beginDiskFault(world)
  disk.faults.syncFailure = random.pick([0.1, 0.5, 1])
  world.count('failing syncs')
  time.after(random.below(3_000), null, () => {
    if (world.stopping) return
    world.crash('power')
    disk.faults.syncFailure = 0
    restart(world)
    world.diskFails = false
  })
}

/** No room for a while. What is refused then is tried again by the clients; then there is room, and the operator starts the broker again. */
const fullDisk: Fault = (world) => {
  const { random, time, disk } = world
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
      restart(world)
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

/** What may go wrong, and how often beside the others. */
const FAULTS: readonly { readonly fault: Fault; readonly weight: number }[] = [
  { fault: kill, weight: 2 },
  { fault: powerLoss, weight: 2 },
  { fault: stop, weight: 1 },
  { fault: dropConnection, weight: 3 },
  { fault: stallConnection, weight: 2 },
  { fault: pause, weight: 1 },
  { fault: jump, weight: 1 },
  { fault: slowDisk, weight: 1 },
  { fault: failingDisk, weight: 1 },
  { fault: fullDisk, weight: 1 },
]

/** Of the runs in which everything may go wrong; the others take some faults, so that one does not always end what another began. */
const EVERYTHING = 0.4
const TAKEN = 0.5

function faultsOf(random: SeededRandom): readonly Fault[] {
  const all = random.chance(EVERYTHING)
  const taken = FAULTS.filter(() => all || random.chance(TAKEN))
  return (taken.length === 0 ? FAULTS : taken).flatMap(({ fault, weight }) => Array<Fault>(weight).fill(fault))
}

/** Comes up again after a while, and now and then goes down again before it is up. */
function restart(world: World): void {
  const { random, time } = world
  time.after(random.fraction() * 300, null, () => {
    if (world.broker.alive) return
    world.start()
    if (!random.chance(0.3)) return
    time.after(random.fraction() * 10, null, () => {
      if (world.up || !world.broker.alive) return
      world.crash(world.disk.faults.syncFailure > 0 ? 'power' : random.pick(['kill', 'power']))
      restart(world)
    })
  })
}

import type { BrokerStage } from './broker-stage.ts'

/** Between two writes where the session did not wait longer, in simulated milliseconds. */
const LEAST_WAIT_MS = 1

/** How long a peer waits before each of its writes from now on, in simulated milliseconds; filled while it writes. */
export function recordWaits(stage: BrokerStage, peer: { write(bytes: Buffer): void }): number[] {
  const waits: number[] = []
  let last = stage.time.nowMs
  const write = peer.write.bind(peer)
  peer.write = (bytes) => {
    waits.push(Math.ceil(stage.time.nowMs - last))
    last = stage.time.nowMs
    write(bytes)
  }
  return waits
}

/** Lets the time pass that was recorded before write number `i`. */
export async function waitAgain(stage: BrokerStage, waits: readonly number[], i: number): Promise<void> {
  await stage.run(Math.max(LEAST_WAIT_MS, waits[i] ?? LEAST_WAIT_MS))
}

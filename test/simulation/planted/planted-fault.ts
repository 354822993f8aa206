import type { LogStore } from '../../../src/log/ports.ts'
import type { LogSettings } from '../../../src/log/settings.ts'
import type { Clock } from '../../../src/runtime/clock.ts'
import type { FileSystem } from '../../../src/runtime/files.ts'
import type { Network } from '../../../src/runtime/network.ts'
import type { DiskLie } from '../../../src/testing/simulated-disk.ts'

/**
 * A fault that the simulation must find, or it proves nothing. It stands between the broker and what it is given, never in the broker's
 * code; each wrapper is called once for every process of the broker.
 */
export interface PlantedFault {
  /** Seeds, from 1, within which it is found. */
  readonly withinSeeds: number
  /** Simulated seconds of faults in each of these runs (10). */
  readonly seconds?: number
  /** The workloads of these runs; where absent the seed takes some. */
  readonly workloads?: readonly string[]
  /** Bounds of the broker that are others than it was told. */
  readonly logBounds?: Partial<LogSettings>
  /** What the disk says is done, and is not. */
  readonly lies?: readonly DiskLie[]
  readonly wrapLog?: (log: LogStore, clock: Clock) => LogStore
  readonly wrapFiles?: (files: FileSystem) => FileSystem
  readonly wrapNetwork?: (network: Network) => Network
  readonly wrapClock?: (clock: Clock) => Clock
}

/** A run that once found something. */
export interface KnownSeed {
  /** What was wrong with the broker then. */
  readonly was: string
  readonly replay: {
    readonly seed: number
    readonly seconds: number
    readonly variation?: number
    readonly workloads?: readonly string[]
    /** As `--faults` takes them. */
    readonly faults?: string
  }
}

export const KNOWN_SEEDS: readonly KnownSeed[] = [
  { was: 'a write in the page cache only, then a power loss, took everything acknowledged since', replay: { seed: 133, seconds: 3 } },
  { was: 'every restart lost every persistent MQTT session', replay: { seed: 3, seconds: 3 } },
]

/** A run that once found something, or one made to be like it: workloads and faults are forced, for a change of either makes another run of a seed. */
export interface KnownSeed {
  /** What was wrong with the broker then. */
  readonly was: string
  /** Where it was mended. */
  readonly mended: string
  /**
   * What this run does when only that is undone in the broker of today. Where it passes, other changes stand before the same fault now; it
   * is kept as one that goes through the same places.
   */
  readonly undone: 'fails' | 'passes' | 'not tried'
  readonly replay: {
    readonly seed: number
    readonly seconds: number
    readonly variation?: number
    readonly workloads: readonly string[]
    /** As `--faults` takes them. */
    readonly faults: string
  }
}

const CRASHES =
  'power-loss@600#1000,kill@1050#1001,power-loss@1500#1002,kill@1950#1003,power-loss@2400#1004,kill@2850#1005,power-loss@3300#1006,kill@3750#1007,power-loss@4200#1008,kill@4650#1009,power-loss@5100#1010,kill@5550#1011,power-loss@6000#1012,kill@6450#1013,power-loss@6900#1014,kill@7350#1015,power-loss@7800#1016,kill@8250#1017,power-loss@8700#1018,kill@9150#1019'
const FULL_DISKS =
  'full-disk@300#1000,full-disk@2000#1001,full-disk@3700#1002,full-disk@5400#1003,full-disk@7100#1004,full-disk@8800#1005,kill@5000#5,power-loss@8000#8'
const FAILING_READS =
  'failing-reads@700#1001,failing-reads@1400#1002,failing-reads@2100#1003,failing-reads@2800#1004,failing-reads@3500#1005,failing-reads@4200#1006,failing-reads@4900#1007,failing-reads@5600#1008,failing-reads@6300#1009,failing-reads@7000#1010,failing-reads@7700#1011,failing-reads@8400#1012,kill@3000#5'

export const KNOWN_SEEDS: readonly KnownSeed[] = [
  {
    was: 'every restart lost every persistent MQTT session: the name of its user was read back as another',
    mended: 'src/broker/sessions/session-manager.ts',
    undone: 'fails',
    replay: { seed: 1, seconds: 3, workloads: ['kafka-to-mqtt'], faults: 'none' },
  },
  {
    was: 'the first batch of an idempotent producer was refused, those under way behind it were not: they came before it',
    mended: 'src/log/producer-state.ts',
    undone: 'fails',
    replay: {
      seed: 40,
      seconds: 15,
      variation: 0,
      workloads: ['kafka-exact'],
      faults:
        'pause@910#2614405845,stop@1080#426397253,failing-reads@2380#3182802234,stall-connection@2864#2483337280,drop-connection@3468#3975886750,stop@4747#4004859275,cut-in-write@6992#3926715287,power-loss@7605#2161064751,kill@9890#488439438,power-loss@10888#3198060856,full-disk@13281#994873734',
    },
  },
  {
    was: 'a QoS 2 message that expired while its packet id was on the way to disk was given all the same',
    mended: 'src/broker/sessions/exchanges.ts',
    undone: 'fails',
    replay: { seed: 19, seconds: 5, workloads: ['mqtt-options'], faults: 'none' },
  },
  {
    was: 'kill -9 while a journal write was in the page cache only; the next process wrote behind it, and a power loss took everything since',
    mended: 'src/log/journal.ts',
    undone: 'passes',
    replay: { seed: 1, seconds: 10, workloads: ['kafka-log'], faults: CRASHES },
  },
  {
    was: 'a power loss after a snapshot of the state left torn bytes in front of what followed it',
    mended: 'src/log/recovery.ts',
    undone: 'not tried',
    replay: { seed: 2, seconds: 10, workloads: ['mqtt-delivery', 'topic-lives'], faults: CRASHES },
  },
  {
    was: 'a deletion that a full disk refused left two topics of one name; PUBREC with an error freed a packet id that the disk had kept',
    mended: 'src/broker/topics/topic-registry.ts, src/mqtt/connection.ts',
    undone: 'passes',
    replay: { seed: 3, seconds: 10, workloads: ['mqtt-delivery', 'topic-lives'], faults: FULL_DISKS },
  },
  {
    was: 'a QoS 2 delivery that a full disk refused was never tried again, and passed over after a restart',
    mended: 'src/broker/sessions/client-session.ts',
    undone: 'passes',
    replay: { seed: 4, seconds: 10, workloads: ['mqtt-delivery'], faults: FULL_DISKS },
  },
  {
    was: 'indexes of segments that were synced while open, or left in the page cache by a killed process, were zeros after a power loss',
    mended: 'src/log/segment.ts, src/log/index-file.ts',
    undone: 'not tried',
    replay: { seed: 5, seconds: 10, workloads: ['kafka-retention'], faults: CRASHES },
  },
  {
    was: 'a replay from a time, where a read failed for a moment while its beginning was looked up, began at the start of the log',
    mended: 'src/broker/sessions/replay.ts',
    undone: 'fails',
    replay: { seed: 3, seconds: 10, workloads: ['mqtt-replay'], faults: FAILING_READS },
  },
  {
    was: 'a full disk refused a checkpoint: idempotent producers below the next recovery point were forgotten',
    mended: 'src/log/own-state.ts',
    undone: 'fails',
    replay: {
      seed: 4,
      seconds: 12,
      workloads: ['kafka-log', 'consumer-group', 'mqtt-delivery'],
      faults: 'full-disk@2000#2463494409,power-loss@4800#2373345600,short-transfers@8000#1863058163',
    },
  },
]

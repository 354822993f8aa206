import { array, bool, int16, int32, int64, nullable, since, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * DescribeLogDirs (key 35): where partitions rest, and how large they are. Null topics mean all. 2 is flexible; 3 has a top-level error; 4 the
 * size of the disk (KIP-827); 5 whether it takes new partitions (KIP-1066).
 */

export const DescribeLogDirsRequest = message(
  { key: 35, name: 'DescribeLogDirsRequest', versions: [1, 5], flexible: 2 },
  {
    topics: nullable(
      array({
        topic: string,
        partitions: array(int32),
      }),
    ),
  },
)
export type DescribeLogDirsRequest = Infer<typeof DescribeLogDirsRequest>

export const DescribeLogDirsResponse = message(
  { key: 35, name: 'DescribeLogDirsResponse', versions: [1, 5], flexible: 2 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: since(3, int16),
    results: array({
      errorCode: int16,
      logDir: string,
      topics: array({
        name: string,
        partitions: array({
          partitionIndex: int32,
          partitionSize: int64,
          offsetLag: int64,
          isFutureKey: bool,
        }),
      }),
      totalBytes: since(4, int64, -1),
      usableBytes: since(4, int64, -1),
      isCordoned: since(5, bool, false),
    }),
  },
)
export type DescribeLogDirsResponse = Infer<typeof DescribeLogDirsResponse>

import { array, bool, int16, int32, nullable, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * CreatePartitions (key 37): more partitions for topics. 2 is flexible.
 */

export const CreatePartitionsRequest = message(
  { key: 37, name: 'CreatePartitionsRequest', versions: [0, 3], flexible: 2 },
  {
    topics: array({
      name: string,
      count: int32,
      assignments: nullable(
        array({
          brokerIds: array(int32),
        }),
      ),
    }),
    timeoutMs: int32,
    validateOnly: bool,
  },
)
export type CreatePartitionsRequest = Infer<typeof CreatePartitionsRequest>

export const CreatePartitionsResponse = message(
  { key: 37, name: 'CreatePartitionsResponse', versions: [0, 3], flexible: 2 },
  {
    throttleTimeMs: withDefault(int32, 0),
    results: array({
      name: string,
      errorCode: int16,
      errorMessage: withDefault(nullable(string), null),
    }),
  },
)
export type CreatePartitionsResponse = Infer<typeof CreatePartitionsResponse>

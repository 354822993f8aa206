import { array, bool, int8, int16, int32, nullable, since, string, tagged, uuid, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * CreateTopics (key 19). From 4 on -1 stands for the broker's number of partitions and replicas (KIP-464); 5 is flexible and answers
 * with the topic's configuration (KIP-525); 7 with its id (KIP-516).
 */

export const CreateTopicsRequest = message(
  { key: 19, name: 'CreateTopicsRequest', versions: [2, 7], flexible: 5 },
  {
    topics: array({
      name: string,
      /** -1 where `assignments` says it, or from 4 on for the default. */
      numPartitions: int32,
      replicationFactor: int16,
      assignments: array({
        partitionIndex: int32,
        brokerIds: array(int32),
      }),
      configs: array({
        name: string,
        value: nullable(string),
      }),
    }),
    timeoutMs: withDefault(int32, 60000),
    validateOnly: withDefault(bool, false),
  },
)
export type CreateTopicsRequest = Infer<typeof CreateTopicsRequest>

export const CreateTopicsResponse = message(
  { key: 19, name: 'CreateTopicsResponse', versions: [2, 7], flexible: 5 },
  {
    throttleTimeMs: withDefault(int32, 0),
    topics: array({
      name: string,
      topicId: since(7, uuid),
      errorCode: int16,
      errorMessage: nullable(string),
      topicConfigErrorCode: tagged(0, since(5, int16)),
      numPartitions: since(5, int32, -1),
      replicationFactor: since(5, int16, -1),
      configs: since(
        5,
        nullable(
          array({
            name: string,
            value: nullable(string),
            readOnly: bool,
            configSource: withDefault(int8, -1),
            isSensitive: bool,
          }),
        ),
      ),
    }),
  },
)
export type CreateTopicsResponse = Infer<typeof CreateTopicsResponse>

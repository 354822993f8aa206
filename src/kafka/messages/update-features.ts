import { array, bool, int8, int16, int32, nullable, since, string, until, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * UpdateFeatures (key 57, KIP-584): levels of features. 1 may only validate; 2 tells one error for all.
 */

export const UpdateFeaturesRequest = message(
  { key: 57, name: 'UpdateFeaturesRequest', versions: [0, 2], flexible: 0 },
  {
    timeoutMs: withDefault(int32, 60000),
    featureUpdates: array({
      feature: string,
      maxVersionLevel: int16,
      allowDowngrade: until(0, bool),
      upgradeType: since(1, int8, 1),
    }),
    validateOnly: since(1, bool, false),
  },
)
export type UpdateFeaturesRequest = Infer<typeof UpdateFeaturesRequest>

export const UpdateFeaturesResponse = message(
  { key: 57, name: 'UpdateFeaturesResponse', versions: [0, 2], flexible: 0 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: int16,
    errorMessage: nullable(string),
    results: until(
      1,
      array({
        feature: string,
        errorCode: int16,
        errorMessage: nullable(string),
      }),
    ),
  },
)
export type UpdateFeaturesResponse = Infer<typeof UpdateFeaturesResponse>

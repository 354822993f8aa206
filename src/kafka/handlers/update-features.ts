import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { UpdateFeaturesRequest, UpdateFeaturesResponse } from '../messages/update-features.ts'
import type { Input } from '../wire/message.ts'
import { FEATURES } from './api-versions.ts'

type Response = Input<typeof UpdateFeaturesResponse>
type Update = UpdateFeaturesRequest['featureUpdates'][number]

/** Upgrade, safe downgrade, unsafe downgrade. */
const UPGRADE_TYPES: readonly number[] = [1, 2, 3]

/**
 * UpdateFeatures (57, KIP-584): features have the levels they were built with: setting one to the level it has is fine, any
 * other gets 95, and then none is changed.
 *
 * v1: validate only. v2: results of features that succeeded are left out.
 */
export const updateFeatures: Handler<UpdateFeaturesRequest, Response> = (request, context) => {
  if (!mayAlter(context)) return answer(ERRORS.clusterAuthorizationFailed, [])
  const failed = request.featureUpdates.some((update) => !isFine(update))
  if (failed) return answer(ERRORS.invalidUpdateVersion, [])
  return answer(
    null,
    request.featureUpdates.map(({ feature }) => ({ feature, errorCode: 0, errorMessage: null })),
  )
}

function mayAlter({ broker, connection }: RequestContext): boolean {
  return broker.security.authorize(connection.principal, 'alter', 'cluster', CLUSTER_RESOURCE)
}

function isFine({ feature, maxVersionLevel, upgradeType }: Update): boolean {
  const known = FEATURES.find(({ name }) => name === feature)
  return known !== undefined && known.level === maxVersionLevel && UPGRADE_TYPES.includes(upgradeType)
}

function answer(error: ErrorRow | null, results: Response['results']): Response {
  return { errorCode: error?.kafka ?? 0, errorMessage: error?.message ?? null, results }
}

import { builder } from './builder.ts'
import { LimitNameEnum, LimitUnitEnum } from './enums.ts'
import type { LimitViolation } from '../domain/limits.ts'

export const FIELD_AT_FAULT =
  "Path of the request's field at fault, in this schema's names, such as `asset.assetId`; or the LSP's word for a field that this schema does not have. null: no single field is at fault."
export const VIOLATED_LIMIT =
  'The limit that the request violates, for OPTION_MISMATCH. null: the LSP does not say which, or by how much.'

export const LimitViolationType = builder.objectRef<LimitViolation>('LimitViolation').implement({
  description: 'A limit of the LSP, and what was requested.',
  fields: (t) => ({
    limit: t.expose('limit', { type: LimitNameEnum, description: 'Which limit.' }),
    unit: t.expose('unit', { type: LimitUnitEnum, description: 'Unit of the three numbers.' }),
    minimum: t.expose('minimum', { type: 'UInt64', nullable: true, description: 'null: the LSP states no minimum.' }),
    maximum: t.expose('maximum', { type: 'UInt64', nullable: true, description: 'null: the LSP states no maximum.' }),
    requested: t.expose('requested', { type: 'UInt64', description: 'What was requested.' }),
  }),
})

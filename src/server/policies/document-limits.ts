import {
  getNamedType,
  getNullableType,
  type GraphQLError,
  isInterfaceType,
  isIntrospectionType,
  isLeafType,
  isListType,
  isObjectType,
  Kind,
  OperationTypeNode,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  visit,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'
import type { Plugin } from 'graphql-yoga'
import type { DocumentLimits } from '../../config/access.ts'
import { LSP_FEATURES, MOST_ASSETS, MOST_NODE_URIS } from '../../domain/lsp.ts'
import { apiError } from '../../errors.ts'
import { CHECK_CODES } from '../../domain/messages/check-codes.ts'
import type { ServerContext } from '../pipeline.ts'
import { OperationValues } from './operation-values.ts'

/** How long lists get that no argument bounds, at most; any other counts as DEFAULT_LENGTH. Sums are checked for each of three payment options. */
const LIST_LENGTHS: Readonly<Record<string, number>> = {
  notes: 5,
  checks: Object.keys(CHECK_CODES).length + 2,
  assets: MOST_ASSETS,
  nodeUris: MOST_NODE_URIS,
  features: LSP_FEATURES.length,
}
const DEFAULT_LENGTH = 20

/**
 * What takes more than a field, or an entry of a list, usually does: the whole log of an order, and an event, which is
 * kept with the whole order as it stood then. Any other counts as 1.
 */
const WEIGHTS: Readonly<Record<string, number>> = { orderExport: 2_000, events: 10 }

/** What introspection answers with, on average; the schema is ours, so these are not guesses. */
const INTROSPECTION_LENGTHS: Readonly<Record<string, number>> = { types: 100, directives: 8, fields: 4, enumValues: 2 }
/** GraphiQL's own question costs two thirds of it. */
const MAX_INTROSPECTION_COST = 60_000

/**
 * Validation compares every two fields of one name with each other: 490 times `lsps{id}`, four kilobytes, took it
 * 0.7 s before this was counted.
 */
const MAX_SAME_FIELDS = 40
const MAX_SAME_LEAVES = 100
const MAX_DEFINITIONS = 100

/** One event of a subscription: all that can be said of an order, its LSP and its quote costs half of it. */
export const MAX_EVENT_COST = 5_000
/** A log that is read for each event, and each entry of it, take as long as so many other fields, beside what they weigh anyway. */
const LOG_COST = 300
const LOG_ENTRY_COST = 30

/** What graphql's parser says of it; it has no code. */
const TOO_MANY_TOKENS = /Document contains more tha[nt] \d+ tokens/

/**
 * Refuses an operation before it runs. What depends on variables is measured where they are known: as a validation
 * rule its verdict would be cached with the document, and a later, larger `first: $n` would pass.
 */
export function limitDocuments(limits: DocumentLimits): Plugin<object, ServerContext> {
  const shaped = new WeakSet<DocumentNode>()
  /** Operations that are within the limits whatever is sent with them, and what they cost. */
  const passed = new WeakMap<DocumentNode, Map<string, number>>()
  const costOf = ({ schema, document, operationName, variableValues }: Judged) => {
    const name = operationName ?? ''
    const known = passed.get(document)?.get(name)
    if (known !== undefined) return known
    const { problem, cost, dependsOnVariables } = judge(schema, document, operationName, variableValues, limits)
    if (problem !== null) throw tooLarge(problem)
    if (!dependsOnVariables) passed.set(document, (passed.get(document) ?? new Map<string, number>()).set(name, cost))
    return cost
  }
  const check = ({ args }: { args: Judged & { contextValue?: unknown } }) => {
    ;(args.contextValue as ServerContext).cost = costOf(args)
  }
  return {
    onParse({ parseFn, setParseFn }) {
      setParseFn((source, options) => parseFn(source, { ...options, maxTokens: limits.maxTokens }))
      return ({ result }) => {
        if (result instanceof Error && TOO_MANY_TOKENS.test(result.message))
          throw tooLarge(`no more than ${limits.maxTokens} words and signs are allowed in a document`)
        if (result === null || result instanceof Error || shaped.has(result)) return
        const problem = shapeProblem(result)
        if (problem !== null) throw tooLarge(problem)
        shaped.add(result)
      }
    },
    onExecute: check,
    onSubscribe: check,
  }
}

interface Judged {
  schema: GraphQLSchema
  document: DocumentNode
  operationName?: string | null
  variableValues?: unknown
}

function tooLarge(message: string): GraphQLError {
  return apiError('OPERATION_TOO_LARGE', message)
}

/** What would make validation itself expensive; null when nothing does. */
export function shapeProblem(document: DocumentNode): string | null {
  if (document.definitions.length > MAX_DEFINITIONS)
    return `no more than ${MAX_DEFINITIONS} operations and fragments are allowed in a document`
  const counts = new Map<string, number>()
  let problem: string | null = null
  visit(document, {
    Field(field) {
      const isLeaf = !field.selectionSet && !field.arguments?.length
      const key = `${isLeaf ? 'leaf' : 'field'} ${(field.alias ?? field.name).value}`
      const count = (counts.get(key) ?? 0) + 1
      counts.set(key, count)
      const most = isLeaf ? MAX_SAME_LEAVES : MAX_SAME_FIELDS
      if (count > most) problem = `no more than ${most} fields of one name are allowed in a document: use fragments`
    },
  })
  return problem
}

interface Measure {
  depth: number
  aliases: number
  rootFields: number
  cost: number
  introspection: number
  /** Selections looked at: fragments of nothing but fragments have no cost. */
  visits: number
}

/** What is too much about the operation, or null. */
export function documentProblem(...operation: Parameters<typeof judge>): string | null {
  return judge(...operation).problem
}

interface Verdict {
  problem: string | null
  /** What its answer may cost; of a subscription, one event. */
  cost: number
  /** Whether it may be another for other variables. */
  dependsOnVariables: boolean
}

function judge(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: unknown,
  limits: DocumentLimits,
): Verdict {
  const operation = document.definitions.find(
    (definition): definition is OperationDefinitionNode =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      (operationName == null || definition.name?.value === operationName),
  )
  const root = operation && schema.getRootType(operation.operation)
  // Execution says what is wrong with these.
  if (!operation || !root) return { problem: null, cost: 0, dependsOnVariables: true }
  const fragments = new Map(
    document.definitions.flatMap((definition) =>
      definition.kind === Kind.FRAGMENT_DEFINITION ? [[definition.name.value, definition]] : [],
    ),
  )
  const values = new OperationValues(operation, variables, (typeName) => isLeafType(schema.getType(typeName)))
  const ofKind = limitsOf(operation.operation, limits)
  const walk = new Walk(schema, fragments, values, ofKind, operation.operation)
  const problem = walk.isWithin(operation.selectionSet, root, 1, 1)
    ? null
    : excess(walk.measure, ofKind, operation.operation)
  return { problem, cost: walk.measure.cost, dependsOnVariables: values.dependsOnVariables }
}

function limitsOf(kind: OperationTypeNode, limits: DocumentLimits): DocumentLimits {
  // They run one after the other in one request: several would be an order each, behind one rate limit.
  if (kind === OperationTypeNode.MUTATION) return { ...limits, maxRootFields: 1 }
  // Each event is answered to thousands of them, one after the other.
  if (kind === OperationTypeNode.SUBSCRIPTION) return { ...limits, maxCost: Math.min(limits.maxCost, MAX_EVENT_COST) }
  return limits
}

function excess(
  { rootFields, depth, aliases, introspection }: Measure,
  limits: DocumentLimits,
  kind: OperationTypeNode,
): string {
  if (rootFields > limits.maxRootFields)
    return `no more than ${limits.maxRootFields} root field${limits.maxRootFields === 1 ? ' is' : 's are'} allowed in a ${kind}`
  if (depth > limits.maxDepth) return `a depth of no more than ${limits.maxDepth} is allowed`
  if (aliases > limits.maxAliases) return `no more than ${limits.maxAliases} aliases are allowed`
  if (introspection > MAX_INTROSPECTION_COST) return 'less introspection at once is allowed'
  return `a cost of no more than ${limits.maxCost} is allowed: ask for less at once, such as a smaller page`
}

class Walk {
  readonly measure: Measure = { depth: 0, aliases: 0, rootFields: 0, cost: 0, introspection: 0, visits: 0 }
  readonly #schema: GraphQLSchema
  readonly #fragments: ReadonlyMap<string, FragmentDefinitionNode>
  readonly #values: OperationValues
  readonly #limits: DocumentLimits
  readonly #kind: OperationTypeNode

  constructor(
    schema: GraphQLSchema,
    fragments: ReadonlyMap<string, FragmentDefinitionNode>,
    values: OperationValues,
    limits: DocumentLimits,
    kind: OperationTypeNode,
  ) {
    this.#schema = schema
    this.#fragments = fragments
    this.#values = values
    this.#limits = limits
    this.#kind = kind
  }

  /**
   * False as soon as anything is over its limit: what is left is not walked, so that fragments that spread fragments
   * that spread fragments cost no more time than the limits allow.
   */
  isWithin(
    selectionSet: SelectionSetNode,
    parent: GraphQLNamedType | undefined,
    depth: number,
    times: number,
  ): boolean {
    const { measure } = this
    const limits = this.#limits
    measure.depth = Math.max(measure.depth, depth)
    if (depth > limits.maxDepth) return false
    for (const selection of selectionSet.selections) {
      measure.visits += 1
      if (measure.visits > limits.maxCost + MAX_INTROSPECTION_COST) return false
      if (selection.kind !== Kind.FIELD) {
        // Validation has seen to it that no fragment is in itself.
        const inner = selection.kind === Kind.INLINE_FRAGMENT ? selection : this.#fragments.get(selection.name.value)
        const type = inner?.typeCondition ? this.#schema.getType(inner.typeCondition.name.value) : parent
        if (inner && !this.isWithin(inner.selectionSet, type, depth, times)) return false
        continue
      }
      const field = this.#fieldOf(selection, parent)
      const length = selection.selectionSet ? this.#lengthOf(selection, field, parent) : 1
      if (parent && isIntrospectionType(parent)) measure.introspection += times
      // An entry of a list is read from somewhere, besides the fields of it that are answered.
      else
        measure.cost +=
          times *
            ((WEIGHTS[selection.name.value] ?? 1) * (length > 1 ? 1 + length : 1) +
              this.#costOfReading(selection, parent, length)) +
          this.#values.sizeOfArguments(selection, limits.maxCost)
      if (depth === 1) measure.rootFields += 1
      if (selection.alias && selection.alias.value !== selection.name.value) measure.aliases += 1
      if (measure.cost > limits.maxCost || measure.introspection > MAX_INTROSPECTION_COST) return false
      if (measure.aliases > limits.maxAliases || measure.rootFields > limits.maxRootFields) return false
      const type = field && getNamedType(field.type)
      if (selection.selectionSet && !this.isWithin(selection.selectionSet, type, depth + 1, times * length))
        return false
    }
    return true
  }

  /** Of what each follower of an order has read for itself whenever something happens. */
  #costOfReading({ name }: FieldNode, parent: GraphQLNamedType | undefined, length: number): number {
    const isLog = this.#kind === OperationTypeNode.SUBSCRIPTION && parent?.name === 'Order' && name.value === 'events'
    return isLog ? LOG_COST + LOG_ENTRY_COST * length : 0
  }

  #fieldOf({ name }: FieldNode, parent: GraphQLNamedType | undefined): GraphQLField<unknown, unknown> | undefined {
    if (!parent || !(isObjectType(parent) || isInterfaceType(parent))) return undefined
    if (parent === this.#schema.getQueryType()) {
      if (name.value === SchemaMetaFieldDef.name) return SchemaMetaFieldDef
      if (name.value === TypeMetaFieldDef.name) return TypeMetaFieldDef
    }
    return parent.getFields()[name.value]
  }

  /** How many objects a field may answer with; lists that nobody has thought of count too. */
  #lengthOf(
    selection: FieldNode,
    field: GraphQLField<unknown, unknown> | undefined,
    parent: GraphQLNamedType | undefined,
  ): number {
    if (!field) return 1
    const isPaged = field.args.some(({ name }) => name === 'first')
    if (isPaged) {
      const asked = ['first', 'last']
        .map((name) => this.#values.argument(selection, name))
        .filter((value) => typeof value === 'number')
      const byDefault = field.args.find(({ name }) => name === 'first')?.defaultValue
      return asked.length === 0 ? (typeof byDefault === 'number' ? byDefault : DEFAULT_LENGTH) : Math.max(1, ...asked)
    }
    if (!isListType(getNullableType(field.type))) return 1
    if (parent && isIntrospectionType(parent)) return INTROSPECTION_LENGTHS[field.name] ?? 1
    // The lists within a connection are as long as its page, which is counted already.
    if (parent?.name.endsWith('Connection')) return 1
    return LIST_LENGTHS[field.name] ?? DEFAULT_LENGTH
  }
}

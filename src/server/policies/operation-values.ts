import {
  Kind,
  valueFromASTUntyped,
  type FieldNode,
  type OperationDefinitionNode,
  type TypeNode,
  type ValueNode,
} from 'graphql'

/**
 * What an operation's arguments will be once its variables are filled in: those that were sent, and the defaults that
 * the operation gives to those that were not. (A limit that reads only what was sent passes `$n: Int = 1000000`.)
 */
export class OperationValues {
  readonly #variables: Readonly<Record<string, unknown>>
  readonly #defaults: ReadonlyMap<string, ValueNode>
  /** Variables that are one scalar each, whose size is known before they are. */
  readonly #scalars: ReadonlySet<string>
  /** Whether anything that was asked for depends on what is sent with the operation. */
  dependsOnVariables = false

  constructor(
    operation: OperationDefinitionNode,
    variables: unknown,
    isLeaf: (typeName: string) => boolean = () => false,
  ) {
    this.#variables = typeof variables === 'object' && variables !== null ? (variables as Record<string, unknown>) : {}
    this.#defaults = new Map(
      (operation.variableDefinitions ?? []).flatMap(({ variable, defaultValue }) =>
        defaultValue ? [[variable.name.value, defaultValue]] : [],
      ),
    )
    this.#scalars = new Set(
      (operation.variableDefinitions ?? [])
        .filter(({ type }) => isOneLeaf(type, isLeaf))
        .map(({ variable }) => variable.name.value),
    )
  }

  /** undefined when the argument is not given, and the schema's own default holds. An Int literal is a number, an enum's a string. */
  argument(field: FieldNode, name: string): unknown {
    const value = field.arguments?.find((argument) => argument.name.value === name)?.value
    return value && this.#valueOf(value)
  }

  /** How many entries the argument's lists have; one that is over `most` is not counted to its end. */
  sizeOfArguments(field: FieldNode, most: number): number {
    let size = 0
    for (const { value } of field.arguments ?? []) {
      const isPlain =
        value.kind === Kind.VARIABLE
          ? this.#scalars.has(value.name.value)
          : value.kind !== Kind.LIST && value.kind !== Kind.OBJECT
      if (!isPlain) size += entries(this.#valueOf(value), most - size)
      if (size > most) break
    }
    return size
  }

  #valueOf(value: ValueNode): unknown {
    // A list or an object may hold one.
    if (value.kind === Kind.VARIABLE || value.kind === Kind.LIST || value.kind === Kind.OBJECT)
      this.dependsOnVariables = true
    if (value.kind !== Kind.VARIABLE) return valueFromASTUntyped(value, this.#variables)
    const name = value.name.value
    if (Object.hasOwn(this.#variables, name) && this.#variables[name] !== undefined) return this.#variables[name]
    const byDefault = this.#defaults.get(name)
    return byDefault && valueFromASTUntyped(byDefault)
  }
}

function isOneLeaf(type: TypeNode, isLeaf: (typeName: string) => boolean): boolean {
  const inner = type.kind === Kind.NON_NULL_TYPE ? type.type : type
  return inner.kind === Kind.NAMED_TYPE && isLeaf(inner.name.value)
}

/** The value and all that is in it. Without recursion: a hundred kilobytes of `[` are deeper than the stack. */
export function* valuesIn(value: unknown): Generator<unknown, void, void> {
  const open: unknown[] = [value]
  while (open.length > 0) {
    const next = open.pop()
    yield next
    if (typeof next !== 'object' || next === null) continue
    for (const child of Object.values(next) as unknown[]) open.push(child)
  }
}

function entries(value: unknown, most: number): number {
  let count = 0
  for (const inner of valuesIn(value)) {
    if (Array.isArray(inner)) count += inner.length
    if (count > most) break
  }
  return count
}

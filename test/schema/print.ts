import {
  getNamedType,
  isAbstractType,
  isInputObjectType,
  isIntrospectionType,
  isInterfaceType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
  printType,
  type GraphQLNamedType,
  type GraphQLSchema,
} from 'graphql'

/** The schema as text: the root types, the scalars, then each type where the root fields first lead to it. */
export function printByDomain(schema: GraphQLSchema): string {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].filter(
    (type) => type != null,
  )
  const types = Object.values(schema.getTypeMap()).filter(
    (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
  )
  const ordered = new Set<GraphQLNamedType>([...roots, ...types.filter(isScalarType)])
  const visited = new Set<GraphQLNamedType>()
  const visit = (type: GraphQLNamedType) => {
    if (visited.has(type) || !types.includes(type)) return
    visited.add(type)
    ordered.add(type)
    if (isObjectType(type) || isInterfaceType(type)) type.getInterfaces().forEach(visit)
    if (isObjectType(type) || isInterfaceType(type))
      for (const field of Object.values(type.getFields())) {
        visit(getNamedType(field.type))
        for (const { type: argument } of field.args) visit(getNamedType(argument))
      }
    if (isInputObjectType(type)) for (const field of Object.values(type.getFields())) visit(getNamedType(field.type))
    if (isAbstractType(type)) schema.getPossibleTypes(type).forEach(visit)
  }
  roots.forEach(visit)
  types.forEach(visit)
  return `${[...ordered].map((type) => printType(type)).join('\n\n')}\n`
}

/** What is wrong with one field. */
export class FieldProblemView {
  /** Nested fields are joined by dots, such as `retry.delays.0`. */
  field!: string;
  message!: string;
}

/** An error answer after RFC 9457. */
export class ProblemView {
  /** A URI for `code`. */
  type!: string;
  title!: string;
  status!: number;
  /** Stable: for programs. */
  code!: string;
  /** What is wrong with this request, with the limit that it broke: for people. */
  detail!: string;
  /** The field, header or query parameter, when there is one. */
  field?: string;
  errors?: FieldProblemView[];
  /** Also in the header `x-request-id`. */
  requestId?: string;
}

/// The right to answer one request, once. An `Exchange` has it for a connection; a handler knows no more than this, and so
/// serves as well where there is no socket.
package protocol Answering: AnyObject, Sendable {
    /// Gives the answer. False: somebody else was first.
    @discardableResult
    func answer(_ response: Response) -> Bool

    /// Keeps the request open for at most `time`; then the client gets `otherwise`. False: it has an answer already.
    @discardableResult
    func park(for time: Duration, otherwise: @escaping @Sendable () -> Response) -> Bool

    /// Begins an answer without end. Nil: there is no room for it, and the request still has to be answered.
    func stream(_ headers: [HeaderField]) -> ResponseStream?
}

extension Exchange: Answering {}

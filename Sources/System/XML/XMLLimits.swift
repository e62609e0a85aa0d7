/// What a document may be before parsing it stops. Each bound is far above the largest answer of the AWS calls we make and
/// far below what would hurt; beyond it the document is refused as `.tooLarge`.
package struct XMLLimits: Sendable {
    /// A page of 1,000 described instances has 3 to 6 MB.
    package var bytes = 16 << 20
    /// EC2 nests about 12 deep. It also bounds how deep the tree is taken apart again.
    package var depth = 64
    /// Of the whole document: an element costs some 100 bytes, however short its name.
    package var elements = 500_000
    /// Per element; EC2 sends one, the namespace.
    package var attributes = 32
    /// Bytes of one name, attribute value or text. User data of an instance, base64, has 22 KB.
    package var text = 1 << 20

    package init() {}
}

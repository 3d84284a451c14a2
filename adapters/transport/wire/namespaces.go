package wire

import (
	"cmp"
	"strconv"
	"strings"

	"google.golang.org/protobuf/types/known/fieldmaskpb"

	aionv1 "github.com/aionrun/aion/api/gen/aion/v1"
	"github.com/aionrun/aion/domain/fault"
	"github.com/aionrun/aion/domain/model"
	"github.com/aionrun/aion/ports"
)

// EncodeNamespace writes a namespace.
func EncodeNamespace(n ports.NamespaceRecord) *aionv1.Namespace {
	return &aionv1.Namespace{
		Name: string(n.Name), Description: text(n.Description), Retention: EncodeDuration(n.Retention), SearchAttributes: encodeTypes(n.Attributes),
		CreatedAt: EncodeTime(n.CreatedAt), Deprecated: n.Deprecated, Etag: EncodeETag(n.Version),
	}
}

// DecodeNamespace reads a namespace. InvalidInput.
func DecodeNamespace(n *aionv1.Namespace) (ports.NamespaceRecord, error) {
	out := ports.NamespaceRecord{Name: model.Namespace(n.GetName()), Description: n.GetDescription(), CreatedAt: DecodeTime(n.GetCreatedAt()), Deprecated: n.GetDeprecated()}
	var err error
	if out.Retention, err = DecodeDuration("retention", n.GetRetention()); err != nil {
		return out, err
	}
	if out.Attributes, err = decodeTypes(n.GetSearchAttributes()); err != nil {
		return out, err
	}
	out.Version, err = DecodeETag(n.GetEtag())
	return out, err
}

func encodeTypes(types map[string]model.AttributeType) map[string]aionv1.SearchAttributeType {
	var out map[string]aionv1.SearchAttributeType
	for name, t := range types {
		if out == nil {
			out = map[string]aionv1.SearchAttributeType{}
		}
		out[name] = aionv1.SearchAttributeType(t)
	}
	return out
}

func decodeTypes(types map[string]aionv1.SearchAttributeType) (map[string]model.AttributeType, error) {
	var out map[string]model.AttributeType
	for name, t := range types {
		if out == nil {
			out = map[string]model.AttributeType{}
		}
		var err error
		if out[name], err = decodeEnum[model.AttributeType]("type of search attribute "+strconv.Quote(name), int32(t), aionv1.SearchAttributeType_name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// EncodeETag writes a version; "" for 0, which stands for any.
func EncodeETag(version uint64) string {
	if version == 0 {
		return ""
	}
	return "v" + strconv.FormatUint(version, 10)
}

// DecodeETag reads a version. InvalidInput.
func DecodeETag(etag string) (uint64, error) {
	if etag == "" {
		return 0, nil
	}
	digits, ok := strings.CutPrefix(etag, "v")
	v, err := strconv.ParseUint(digits, 10, 64)
	if !ok || err != nil || v == 0 {
		return 0, fault.Invalidf("etag %q is not one of this server's", etag).Hinted("read the object again, and send the etag that it has")
	}
	return v, nil
}

// The paths of UpdateNamespaceRequest.update_mask.
const (
	pathDescription = "description"
	pathRetention   = "retention"
	pathAttributes  = "search_attributes"
)

// EncodeNamespaceUpdate writes a change of a namespace.
func EncodeNamespaceUpdate(u ports.NamespaceUpdate) *aionv1.UpdateNamespaceRequest {
	n := &aionv1.Namespace{Name: string(u.Name), Etag: EncodeETag(u.Version)}
	mask := &fieldmaskpb.FieldMask{}
	if u.Description != nil {
		n.Description = *u.Description
		mask.Paths = append(mask.Paths, pathDescription)
	}
	if u.Retention != nil {
		n.Retention = EncodeDuration(*u.Retention)
		mask.Paths = append(mask.Paths, pathRetention)
	}
	if len(u.Attributes) > 0 {
		n.SearchAttributes = encodeTypes(u.Attributes)
		mask.Paths = append(mask.Paths, pathAttributes)
	}
	return &aionv1.UpdateNamespaceRequest{Namespace: n, UpdateMask: mask}
}

// DecodeNamespaceUpdate reads a change of a namespace. InvalidInput.
func DecodeNamespaceUpdate(r *aionv1.UpdateNamespaceRequest) (ports.NamespaceUpdate, error) {
	n, err := DecodeNamespace(r.GetNamespace())
	u := ports.NamespaceUpdate{Name: n.Name, Version: n.Version}
	if err != nil {
		return u, err
	}
	for _, p := range r.GetUpdateMask().GetPaths() {
		switch p {
		case pathDescription:
			u.Description = &n.Description
		case pathRetention:
			u.Retention = &n.Retention
		case pathAttributes:
			u.Attributes = n.Attributes
		default:
			return u, fault.Invalidf("update_mask names %q, which cannot be changed", p).Hinted("there are %s, %s and %s", pathDescription, pathRetention, pathAttributes)
		}
	}
	if len(r.GetUpdateMask().GetPaths()) == 0 {
		return u, fault.Invalidf("update_mask names nothing to change").Hinted("there are %s, %s and %s", pathDescription, pathRetention, pathAttributes)
	}
	return u, nil
}

// EncodeNamespaces writes a page of the namespaces in order of name. InvalidPageToken.
func EncodeNamespaces(r *aionv1.ListNamespacesRequest, all []ports.NamespaceRecord, limit int) (*aionv1.ListNamespacesResponse, error) {
	page, next, err := Page(all, Scope{"namespaces"}, r.GetPageToken(), PageSize(r.GetPageSize(), limit),
		func(n ports.NamespaceRecord) []byte { return []byte(n.Name) },
		func(n ports.NamespaceRecord, cursor []byte) (int, error) {
			return cmp.Compare(string(n.Name), string(cursor)), nil
		})
	if err != nil {
		return nil, err
	}
	out := &aionv1.ListNamespacesResponse{NextPageToken: next}
	for _, n := range page {
		out.Namespaces = append(out.Namespaces, EncodeNamespace(n))
	}
	return out, nil
}
